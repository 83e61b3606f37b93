"""Random weights in the shape of a small Llama, as GGUF in several formats and as a folder of AWQ's layout (4 bits with
zeros, groups of 128, the output matrix too), to measure with: speed does not depend on what weights say. They are larger
than caches (243 million weights), so that decoding reads memory.
"""

import json

import gguf
import numpy as np
from safetensors.numpy import save_file

N_LAYERS, D_MODEL, D_FF, N_HEADS, N_KV_HEADS, VOCAB = 16, 1024, 2816, 16, 4, 32000
FORMATS = {
    "BF16": gguf.GGMLQuantizationType.BF16,
    "F16": gguf.GGMLQuantizationType.F16,
    "Q8_0": gguf.GGMLQuantizationType.Q8_0,
    "Q4_0": gguf.GGMLQuantizationType.Q4_0,
}


AWQ_GROUP = 128
AWQ_NAMES = {
    "output": "lm_head", "attn_q": "model.layers.{}.self_attn.q_proj", "attn_k": "model.layers.{}.self_attn.k_proj",
    "attn_v": "model.layers.{}.self_attn.v_proj", "attn_output": "model.layers.{}.self_attn.o_proj",
    "ffn_gate": "model.layers.{}.mlp.gate_proj", "ffn_up": "model.layers.{}.mlp.up_proj",
    "ffn_down": "model.layers.{}.mlp.down_proj",
}  # fmt: skip


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


def awq_tensors(random, name, n, k):
    """Random codes of a matrix [n, k]; scales that make its products about as large as its input."""
    words = lambda rows: random.integers(-(2**31), 2**31, (rows, n // 8), dtype=np.int32)  # noqa: E731
    scales = random.uniform(0.1, 0.2, (k // AWQ_GROUP, n)) * k**-0.5
    return {f"{name}.qweight": words(k), f"{name}.qzeros": words(k // AWQ_GROUP), f"{name}.scales": scales.astype(np.float16)}


def make_awq(folder):
    path = folder / "llama-awq"
    if path.exists():
        return path
    part = folder / "llama-awq.part"
    part.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(17)
    tensors = {"model.embed_tokens.weight": random.standard_normal((VOCAB, D_MODEL), np.float32).astype(np.float16)}
    for tensor, (n, k) in matrices():
        if tensor != "token_embd":
            tensors |= awq_tensors(random, AWQ_NAMES[tensor.split(".")[-1]].format(*tensor.split(".")[1:2]), n, k)
    norms = [f"model.layers.{layer}.{norm}_layernorm" for layer in range(N_LAYERS) for norm in ("input", "post_attention")]
    tensors |= {f"{norm}.weight": np.ones(D_MODEL, np.float16) for norm in [*norms, "model.norm"]}
    save_file(tensors, part / "model.safetensors")
    config = {
        "architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": D_MODEL, "intermediate_size": D_FF,
        "num_hidden_layers": N_LAYERS, "num_attention_heads": N_HEADS, "num_key_value_heads": N_KV_HEADS,
        "vocab_size": VOCAB, "rms_norm_eps": 1e-5, "rope_theta": 10000.0, "max_position_embeddings": 4096,
        "tie_word_embeddings": False, "quantization_config": {"quant_method": "awq", "version": "gemm", "bits": 4,
        "group_size": AWQ_GROUP, "zero_point": True},
    }  # fmt: skip
    (part / "config.json").write_text(json.dumps(config), encoding="utf-8")
    part.rename(path)
    return path


def make(folder, name):
    """The file of that format, or the folder of AWQ, made when it is not there."""
    if name == "AWQ":
        return make_awq(folder)
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
