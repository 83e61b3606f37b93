"""Other quantisers on the model of bench/quantize_model.py: the papers' procedures in NumPy (tests/quantize), and llama.cpp's
k-quants with an importance matrix."""

import pathlib
import subprocess
import sys

import numpy as np

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "tests/quantize"))
from reference_quantizers import awq, gptq, rounded  # noqa: E402

GROUP = 128
N_SEEN = 8192  # tokens that the papers' procedures are calibrated with


def inputs_of(llama, weights, ids, names):
    """Name -> what enters that matrix."""
    seen = {}
    for begin in range(0, min(len(ids), N_SEEN) // 256 * 256, 2048):
        part = np.asarray(ids[begin : begin + 2048])
        llama.hidden(weights, part[: len(part) // 256 * 256], lambda name, x: seen.setdefault(name, []).append(x))
    return {name: np.concatenate(seen[name]).astype(np.float32) for name in names}


def references(llama, weights, ids, bits):
    """Method -> (weights, bits a weight): groups of 128 with a scale and a zero, the output head as the layers, the
    embedding, whose inputs are no numbers, rounded."""
    matrices = [name.removesuffix(".weight") for name, value in weights.items() if value.ndim == 2]
    names = [name for name in matrices if name != "model.embed_tokens"]
    seen = inputs_of(llama, weights, ids, names)
    n_vectors = sum(value.size for value in weights.values() if value.ndim == 1)
    n_weights = sum(value.size for value in weights.values())
    size = ((n_weights - n_vectors) * (bits + (16 + bits) / GROUP) + 16 * n_vectors) / n_weights
    embedding = {"model.embed_tokens.weight": rounded(weights["model.embed_tokens.weight"], bits, GROUP)}
    methods = {
        "rtn": lambda w, x: rounded(w, bits, GROUP),
        "awq": lambda w, x: awq(w, x[::4], bits, GROUP),
        "gptq": lambda w, x: gptq(w, x, bits, GROUP, act_order=True),
    }
    for method, quantise in methods.items():
        made = {f"{name}.weight": quantise(weights[f"{name}.weight"], seen[name]) for name in names}
        yield f"{method} g{GROUP}, {bits} bits", weights | embedding | made, size


def importance_matrix(tools, model, text, out):
    """llama.cpp's, of the same text; pieces as long as the model's context."""
    command = [tools / "llama-imatrix", "-m", model, "-f", text, "-o", out, "-c", "256", "--chunks", "64", "-ngl", "0"]
    subprocess.run([str(word) for word in command], check=True, capture_output=True)


def k_quant(tools, model, matrix, kind, out):
    command = [tools / "llama-quantize", "--imatrix", matrix, model, out, kind]
    subprocess.run([str(word) for word in command], check=True, capture_output=True)
