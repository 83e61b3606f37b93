"""A random Llama with rows of whole super-blocks, and one whose rows have none, as GGUF."""

import gguf
import numpy as np

LINEARS = {
    "attn_q": ("d", "d"), "attn_k": ("kv", "d"), "attn_v": ("kv", "d"), "attn_output": ("d", "d"),
    "ffn_gate": ("f", "d"), "ffn_up": ("f", "d"), "ffn_down": ("d", "f"),
}  # fmt: skip


def random_llama(path, d_model=256, d_ff=512, n_vocab=320, n_layers=2, seed=5):
    """Writes it with a vocabulary of single bytes; gives its matrices by name."""
    rng = np.random.default_rng(seed)
    sizes = {"d": d_model, "kv": d_model // 2, "f": d_ff}
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_context_length(128)
    writer.add_embedding_length(d_model)
    writer.add_block_count(n_layers)
    writer.add_feed_forward_length(d_ff)
    writer.add_head_count(4)
    writer.add_head_count_kv(2)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_vocab_size(n_vocab)
    writer.add_tokenizer_model("llama")
    tokens = [b"<unk>", b"<s>", b"</s>", *(f"<0x{byte:02X}>".encode() for byte in range(256))]
    tokens += [f"<extra_{i}>".encode() for i in range(n_vocab - len(tokens))]
    kinds = [2, 3, 3, *([6] * 256), *([1] * (n_vocab - 259))]
    writer.add_token_list(tokens)
    writer.add_token_scores([0.0] * n_vocab)
    writer.add_token_types(kinds)
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    matrices = {"token_embd.weight": rng.standard_normal((n_vocab, d_model)) * 0.5}
    matrices["output.weight"] = rng.standard_normal((n_vocab, d_model)) / d_model**0.5
    for layer in range(n_layers):
        for name, (rows, columns) in LINEARS.items():
            shape = sizes[rows], sizes[columns]
            matrices[f"blk.{layer}.{name}.weight"] = rng.standard_normal(shape) / shape[1] ** 0.5
        for name in ("attn_norm", "ffn_norm"):
            writer.add_tensor(f"blk.{layer}.{name}.weight", np.ones(d_model, np.float32))
    writer.add_tensor("output_norm.weight", np.ones(d_model, np.float32))
    matrices = {name: matrix.astype(np.float32) for name, matrix in matrices.items()}
    for name, matrix in matrices.items():
        writer.add_tensor(name, matrix)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return matrices


def tensors_of(path):
    """Name -> (name of the type, numbers as the gguf package decodes them)."""
    reader = gguf.GGUFReader(path)
    return {
        tensor.name: (tensor.tensor_type.name, gguf.quants.dequantize(tensor.data, tensor.tensor_type))
        for tensor in reader.tensors
    }
