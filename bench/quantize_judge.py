"""The model of quantize_model.py written down in NumPy: what it says with any weights, and how far that is from the truth.

Every quantiser is judged by the same arithmetic, from the numbers that its file stands for as the gguf package reads
them, so no engine's own precision is part of what is compared.
"""

import json

import gguf
import numpy as np

CONTEXT = 256
GGUF_NAMES = {
    "attn_q": "self_attn.q_proj", "attn_k": "self_attn.k_proj", "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj", "ffn_gate": "mlp.gate_proj", "ffn_up": "mlp.up_proj", "ffn_down": "mlp.down_proj",
    "attn_norm": "input_layernorm", "ffn_norm": "post_attention_layernorm",
}  # fmt: skip


def as_float32(bits):
    return (bits.astype(np.uint32) << 16).view(np.float32)


def folder_weights(folder):
    """The bf16 tensors of the folder in float32, by Hugging Face's names."""
    weights = {}
    with open(folder / "model.safetensors", "rb") as file:
        size = int.from_bytes(file.read(8), "little")
        header = json.loads(file.read(size))
        data = file.read()
    for name, entry in header.items():
        if name != "__metadata__":
            begin, end = entry["data_offsets"]
            weights[name] = as_float32(np.frombuffer(data[begin:end], np.uint16)).reshape(entry["shape"])
    return weights


def gguf_weights(path, n_heads):
    """(weights of a GGUF of Llama by Hugging Face's names, its bits a weight)."""
    weights, n_bytes, n_weights = {}, 0, 0
    for tensor in gguf.GGUFReader(path).tensors:
        values = gguf.quants.dequantize(tensor.data, tensor.tensor_type)
        values = values.reshape([int(n) for n in reversed(tensor.shape)]).astype(np.float32)
        n_bytes, n_weights = n_bytes + tensor.n_bytes, n_weights + values.size
        if tensor.name.startswith("blk."):
            _, layer, part, _ = tensor.name.split(".")
            if part in ("attn_q", "attn_k"):  # rows that rotate together lie side by side
                heads = n_heads[part == "attn_k"]
                values = values.reshape(heads, -1, 2, values.shape[1]).swapaxes(1, 2).reshape(values.shape)
            name = f"model.layers.{layer}.{GGUF_NAMES[part]}.weight"
        else:
            name = {"token_embd.weight": "model.embed_tokens.weight", "output_norm.weight": "model.norm.weight"}.get(
                tensor.name, "lm_head.weight"
            )
        weights[name] = values
    return weights, 8 * n_bytes / n_weights


class Llama:
    def __init__(self, config):
        self.config = config

    def hidden(self, weights, ids, watch=None):
        """[len(ids), width] of windows of CONTEXT tokens; `watch(name, x)` sees what enters each linear layer."""
        c = self.config
        heads, kv, dim = c["num_attention_heads"], c["num_key_value_heads"], c["head_dim"]
        x = weights["model.embed_tokens.weight"][ids].reshape(-1, CONTEXT, c["hidden_size"])
        angle = np.outer(np.arange(CONTEXT), c["rope_theta"] ** (-np.arange(0, dim, 2) / dim)).astype(np.float32)
        cos, sin = (np.concatenate([f(angle)] * 2, -1) for f in (np.cos, np.sin))
        past = np.tril(np.ones((CONTEXT, CONTEXT), bool))

        def norm(x, name):
            return x / np.sqrt((x**2).mean(-1, keepdims=True) + c["rms_norm_eps"]) * weights[f"{name}.weight"]

        def linear(x, name):
            if watch:
                watch(name, x.reshape(-1, x.shape[-1]))
            return x @ weights[f"{name}.weight"].T

        def rotated(x):
            half = dim // 2
            return x * cos + np.concatenate([-x[..., half:], x[..., :half]], -1) * sin

        for layer in range(c["num_hidden_layers"]):
            at = f"model.layers.{layer}"
            h = norm(x, f"{at}.input_layernorm")
            q, k, v = (
                linear(h, f"{at}.self_attn.{part}_proj").reshape(len(x), CONTEXT, -1, dim).swapaxes(1, 2) for part in "qkv"
            )
            q, k = rotated(q), np.repeat(rotated(k), heads // kv, 1)
            scores = np.where(past, q @ k.swapaxes(2, 3) / dim**0.5, -np.inf)
            scores = np.exp(scores - scores.max(-1, keepdims=True))
            mixed = scores / scores.sum(-1, keepdims=True) @ np.repeat(v, heads // kv, 1)
            x = x + linear(mixed.swapaxes(1, 2).reshape(len(x), CONTEXT, -1), f"{at}.self_attn.o_proj")
            h = norm(x, f"{at}.post_attention_layernorm")
            gate, up = linear(h, f"{at}.mlp.gate_proj"), linear(h, f"{at}.mlp.up_proj")
            x = x + linear(gate / (1 + np.exp(-gate)) * up, f"{at}.mlp.down_proj")
        x = norm(x, "model.norm").reshape(-1, c["hidden_size"])
        if watch:
            watch("lm_head", x)
        return x

    def log_probabilities(self, weights, ids):
        """For windows of CONTEXT tokens, one after another: [CONTEXT, vocabulary]."""
        head = weights.get("lm_head.weight", weights["model.embed_tokens.weight"])
        hidden = self.hidden(weights, ids)
        for begin in range(0, len(ids), CONTEXT):
            scores = hidden[begin : begin + CONTEXT] @ head.T
            scores -= scores.max(-1, keepdims=True)
            yield scores - np.log(np.exp(scores).sum(-1, keepdims=True))


class Judge:
    """Knows what the original says of a text."""

    def __init__(self, folder, original, ids, n_tokens=6144):
        self.llama = Llama(json.loads((folder / "config.json").read_text()))
        self.ids = np.asarray(ids[: min(n_tokens, len(ids)) // CONTEXT * CONTEXT])
        self.truth = list(self.llama.log_probabilities(original, self.ids))
        self.perplexity = self.perplexity_of(self.truth)

    def perplexity_of(self, answers):
        next_ids = self.ids.reshape(-1, CONTEXT)[:, 1:]
        return float(np.exp(-np.mean([one[np.arange(CONTEXT - 1), ids] for one, ids in zip(map(lambda a: a[:-1], answers), next_ids)])))

    def loss(self, weights):
        """(mean Kullback-Leibler divergence in nats, perplexity)."""
        answers = list(self.llama.log_probabilities(weights, self.ids))
        divergence = np.mean([(np.exp(t) * (t - a)).sum(-1).mean() for t, a in zip(self.truth, answers)])
        return float(divergence), self.perplexity_of(answers)
