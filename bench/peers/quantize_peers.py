"""Other quantisers on the model of bench/quantize_model.py: the papers' procedures in NumPy (tests/quantize), and llama.cpp's
k-quants with an importance matrix."""

import pathlib
import subprocess
import sys

import gguf
import numpy as np

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "tests/quantize"))
from reference_quantizers import awq, gptq, rounded  # noqa: E402

GROUP = 128
N_SEEN = 8192  # tokens that the papers' procedures are calibrated with


def inputs_of(llama, weights, ids):
    """Name -> what enters that matrix."""
    seen = {}
    for begin in range(0, min(len(ids), N_SEEN) // 256 * 256, 2048):
        part = np.asarray(ids[begin : begin + 2048])
        llama.hidden(weights, part[: len(part) // 256 * 256], lambda name, x: seen.setdefault(name, []).append(x))
    return {name: np.concatenate(parts).astype(np.float32) for name, parts in seen.items()}


def references(weights, seen, bits):
    """Method -> (weights, bits a weight): groups of 128 with a scale and a zero, matrices whose inputs are no numbers
    (`seen` has none), as embeddings, rounded; vectors stay in f16."""
    matrices = [name for name, value in weights.items() if value.ndim == 2]
    n_vectors = sum(value.size for value in weights.values() if value.ndim == 1)
    n_weights = sum(value.size for value in weights.values())
    size = ((n_weights - n_vectors) * (bits + (16 + bits) / GROUP) + 16 * n_vectors) / n_weights
    methods = {
        "rtn": lambda w, x: rounded(w, bits, GROUP),
        "awq": lambda w, x: awq(w, x[::4], bits, GROUP),
        "gptq": lambda w, x: gptq(w, x, bits, GROUP, act_order=True),
    }
    rounds = {name: rounded(weights[name], bits, GROUP) for name in matrices}
    for method, quantise in methods.items():
        made = {
            name: quantise(weights[name], seen[name.removesuffix(".weight")])
            for name in matrices
            if name.removesuffix(".weight") in seen
        }
        yield f"{method} g{GROUP}, {bits} bits", weights | rounds | made, size


def importance_matrix(tools, model, text, out):
    """llama.cpp's, of the same text; pieces as long as the model's context."""
    command = [tools / "llama-imatrix", "-m", model, "-f", text, "-o", out, "-c", "256", "--chunks", "64", "-ngl", "0"]
    subprocess.run([str(word) for word in command], check=True, capture_output=True)


def k_quant(tools, model, matrix, kind, out, *flags):
    command = [tools / "llama-quantize", "--imatrix", matrix, *flags, model, out, kind]
    subprocess.run([str(word) for word in command], check=True, capture_output=True)


def write_gguf(writer, tensors):
    for name, value in tensors.items():
        writer.add_tensor(name, np.ascontiguousarray(value, np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def write_importance(inputs, out):
    """What llama-imatrix writes, for models that it does not run: sums of the squares of what enters matrices."""
    writer, tensors = gguf.GGUFWriter(out, ""), {}
    writer.add_string("general.type", "imatrix")
    writer.add_array("imatrix.datasets", ["calibration"])
    writer.add_uint32("imatrix.chunk_count", 1)
    writer.add_uint32("imatrix.chunk_size", max(len(x) for x in inputs.values()))
    for name, x in inputs.items():
        tensors[f"{name}.weight.in_sum2"] = (x.astype(np.float64) ** 2).sum(0, keepdims=True)
        tensors[f"{name}.weight.counts"] = np.full((1, 1), len(x))
    write_gguf(writer, tensors)


def write_tensors(weights, n_layers, out):
    """A GGUF in float32 for llama-quantize, which wants a model's numbers but looks at no more than names and shapes."""
    writer = gguf.GGUFWriter(out, "bert")
    writer.add_block_count(n_layers)
    writer.add_context_length(512)
    writer.add_embedding_length(512)
    writer.add_feed_forward_length(512)
    writer.add_head_count(8)
    writer.add_layer_norm_eps(1e-12)
    writer.add_causal_attention(False)
    writer.add_vocab_size(512)
    write_gguf(writer, weights)
