"""all-MiniLM-L6-v2 written down in NumPy: the vectors that it gives texts with any weights, and how far they are from its own.

As in quantize_judge.py every quantiser is judged by the same arithmetic. Names are those of GGUF.
"""

import sys

import numpy as np
import tokenizers
import torch
from measuring import ROOT
from safetensors import safe_open

sys.path.append(str(ROOT / "docs/formats"))
import tmill  # noqa: E402

HEADS = 12
LAYER_NAMES = {
    "attn_q": "attention.self.query", "attn_k": "attention.self.key", "attn_v": "attention.self.value",
    "attn_output": "attention.output.dense", "attn_output_norm": "attention.output.LayerNorm",
    "ffn_up": "intermediate.dense", "ffn_down": "output.dense", "layer_output_norm": "output.LayerNorm",
}  # fmt: skip
NAMES = {
    "token_embd": "word_embeddings", "position_embd": "position_embeddings", "token_types": "token_type_embeddings",
    "token_embd_norm": "LayerNorm",
}  # fmt: skip
N_LAYERS = 6


def folder_weights(folder):
    """The tensors of the folder in float32."""
    with safe_open(folder / "model.safetensors", framework="numpy") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}
    names = {new: f"embeddings.{old}" for new, old in NAMES.items()}
    for layer in range(N_LAYERS):
        names |= {f"blk.{layer}.{new}": f"encoder.layer.{layer}.{old}" for new, old in LAYER_NAMES.items()}
    weights = {}
    for new, old in names.items():
        for part in ("weight", "bias"):
            if f"{old}.{part}" in tensors:
                weights[f"{new}.{part}"] = tensors[f"{old}.{part}"].astype(np.float32)
    return weights


def tmill_weights(path):
    model = tmill.Tmill(path)
    return {name: model.tensor(name) for name in model.names()}


def normed(x, weights, name, eps=1e-12):
    x = x - x.mean(-1, keepdims=True)
    return x / np.sqrt((x**2).mean(-1, keepdims=True) + eps) * weights[f"{name}.weight"] + weights[f"{name}.bias"]


def gelu(x):
    return x * 0.5 * (1 + torch.erf(torch.from_numpy(x * np.float32(0.5**0.5))).numpy())


class Encoder:
    """Knows the vectors that the original gives texts."""

    def __init__(self, folder, texts):
        self.original = folder_weights(folder)
        self.tokenizer = tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json"))
        self.tokenizer.no_padding()
        self.texts = self.ids_of(texts)
        self.truth = self.vectors(self.original, self.texts)

    def ids_of(self, texts):
        return [encoding.ids for encoding in self.tokenizer.encode_batch(list(texts))]

    def vectors(self, weights, texts, watch=None):
        """[len(texts), width], of length 1; `watch(name, x)` sees what enters each linear layer."""
        ends = np.cumsum([len(ids) for ids in texts])

        def linear(x, name):
            if watch:
                watch(name, x)
            return x @ weights[f"{name}.weight"].T + weights[f"{name}.bias"]

        positions = np.concatenate([np.arange(len(ids)) for ids in texts])
        x = weights["token_embd.weight"][np.concatenate(texts)] + weights["position_embd.weight"][positions]
        x = normed(x + weights["token_types.weight"][0], weights, "token_embd_norm")
        for layer in range(N_LAYERS):
            at = f"blk.{layer}"
            q, k, v = (linear(x, f"{at}.attn_{part}") for part in "qkv")
            mixed = np.empty_like(x)
            for begin, end in zip(ends - [len(ids) for ids in texts], ends):
                own_q, own_k, own_v = (part[begin:end].reshape(end - begin, HEADS, -1).swapaxes(0, 1) for part in (q, k, v))
                scores = own_q @ own_k.swapaxes(1, 2) / np.float32(own_q.shape[-1] ** 0.5)
                scores = np.exp(scores - scores.max(-1, keepdims=True))
                scores /= scores.sum(-1, keepdims=True)
                mixed[begin:end] = (scores @ own_v).swapaxes(0, 1).reshape(end - begin, -1)
            x = normed(x + linear(mixed, f"{at}.attn_output"), weights, f"{at}.attn_output_norm")
            hidden = linear(gelu(linear(x, f"{at}.ffn_up")), f"{at}.ffn_down")
            x = normed(x + hidden, weights, f"{at}.layer_output_norm")
        pooled = np.add.reduceat(x, ends - [len(ids) for ids in texts])
        return pooled / np.linalg.norm(pooled, axis=-1, keepdims=True)

    def loss(self, weights):
        """The mean of 1 - cosine."""
        return float(np.mean(1 - (self.vectors(weights, self.texts) * self.truth).sum(-1, dtype=np.float64)))
