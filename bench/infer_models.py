"""Random weights in the shape of a small Llama, as GGUF in several formats, to measure with: speed does not depend on what
weights say. They are larger than caches (243 million weights), so that decoding reads memory.
"""

import gguf
import numpy as np

N_LAYERS, D_MODEL, D_FF, N_HEADS, N_KV_HEADS, VOCAB = 16, 1024, 2816, 16, 4, 32000
FORMATS = {
    "BF16": gguf.GGMLQuantizationType.BF16,
    "F16": gguf.GGMLQuantizationType.F16,
    "Q8_0": gguf.GGMLQuantizationType.Q8_0,
    "Q4_0": gguf.GGMLQuantizationType.Q4_0,
}


def matrices():
    """Name and shape of every matrix."""
    d_kv = D_MODEL // N_HEADS * N_KV_HEADS
    yield "token_embd", (VOCAB, D_MODEL)
    yield "output", (VOCAB, D_MODEL)
    for layer in range(N_LAYERS):
        for name, n, k in [
            ("attn_q", D_MODEL, D_MODEL), ("attn_k", d_kv, D_MODEL), ("attn_v", d_kv, D_MODEL),
            ("attn_output", D_MODEL, D_MODEL), ("ffn_gate", D_FF, D_MODEL), ("ffn_up", D_FF, D_MODEL),
            ("ffn_down", D_MODEL, D_FF),
        ]:  # fmt: skip
            yield f"blk.{layer}.{name}", (n, k)


def make(folder, name):
    """The file of that format, made when it is not there."""
    path = folder / f"llama-{name.lower()}.gguf"
    if path.exists():
        return path
    folder.mkdir(parents=True, exist_ok=True)
    writer = gguf.GGUFWriter(path.with_suffix(".part"), "llama")
    writer.add_context_length(4096)
    writer.add_embedding_length(D_MODEL)
    writer.add_block_count(N_LAYERS)
    writer.add_feed_forward_length(D_FF)
    writer.add_head_count(N_HEADS)
    writer.add_head_count_kv(N_KV_HEADS)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_freq_base(10000.0)
    writer.add_vocab_size(VOCAB)
    writer.add_tokenizer_model("no_vocab")
    random = np.random.default_rng(17)
    for tensor, shape in matrices():
        weights = random.standard_normal(shape, np.float32) * shape[1] ** -0.5
        data = gguf.quants.quantize(weights, FORMATS[name])
        writer.add_tensor(f"{tensor}.weight", data, raw_dtype=FORMATS[name])
    norms = ["output_norm"] + [f"blk.{layer}.{norm}" for layer in range(N_LAYERS) for norm in ("attn_norm", "ffn_norm")]
    for norm in norms:
        writer.add_tensor(f"{norm}.weight", np.ones(D_MODEL, np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    path.with_suffix(".part").rename(path)
    return path
