"""An independent float64 NumPy reference of BERT, RoBERTa and T5's encoder, read from Hugging Face folders.

It shares no code with the engine.  It is for what the golden models of this folder do not show: ReLU in T5, padding
within a text, types of tokens, names of older files.

    python encoder_numpy.py FOLDER ids.json [hidden.npy]

ids.json holds {"ids": [...]} and perhaps "types".
"""

import json
import math
import pathlib
import struct
import sys

import numpy as np

DTYPES = {"F32": np.float32, "F16": np.float16, "F64": np.float64, "I64": np.int64}
erf = np.vectorize(math.erf)


def read_safetensors(path):
    data = pathlib.Path(path).read_bytes()
    size = struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8 : 8 + size])
    header.pop("__metadata__", None)
    return {
        name: np.frombuffer(data[8 + size :][slice(*entry["data_offsets"])], DTYPES[entry["dtype"]])
        .reshape(entry["shape"])
        .astype(np.float64)
        for name, entry in header.items()
    }


ACTIVATIONS = {
    "gelu": lambda x: x * 0.5 * (1 + erf(x / math.sqrt(2))),
    "gelu_new": lambda x: 0.5 * x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))),
    "relu": lambda x: np.maximum(x, 0),
}


def softmax(x):
    x = np.exp(x - x.max(axis=-1, keepdims=True))
    return x / x.sum(axis=-1, keepdims=True)


def attention(q, k, v, n_heads, scale, bias=0.0):
    q, k, v = (t.reshape(len(t), n_heads, -1).transpose(1, 0, 2) for t in (q, k, v))
    return (softmax(scale * q @ k.transpose(0, 2, 1) + bias) @ v).transpose(1, 0, 2).reshape(q.shape[1], -1)


def bert(config, weights, ids, types):
    weights = {name.removeprefix("bert.").removeprefix("roberta."): value for name, value in weights.items()}

    def linear(x, name):
        return x @ weights[name + ".weight"].T + weights[name + ".bias"]

    def norm(x, name):
        x = x - x.mean(axis=-1, keepdims=True)
        x = x / np.sqrt((x * x).mean(axis=-1, keepdims=True) + config["layer_norm_eps"])
        weight = weights.get(name + ".weight", weights.get(name + ".gamma"))
        return x * weight + weights.get(name + ".bias", weights.get(name + ".beta"))

    positions = np.arange(len(ids))
    if "roberta" in config["model_type"]:
        is_text = np.array(ids) != config["pad_token_id"]
        positions = np.cumsum(is_text) * is_text + config["pad_token_id"]
    x = weights["embeddings.word_embeddings.weight"][ids]
    x = x + weights["embeddings.token_type_embeddings.weight"][types or [0] * len(ids)]
    x = norm(x + weights["embeddings.position_embeddings.weight"][positions], "embeddings.LayerNorm")
    n_heads = config["num_attention_heads"]
    for i in range(config["num_hidden_layers"]):
        name = f"encoder.layer.{i}."
        q, k, v = (linear(x, f"{name}attention.self.{part}") for part in ("query", "key", "value"))
        mixed = attention(q, k, v, n_heads, (x.shape[1] // n_heads) ** -0.5)
        x = norm(x + linear(mixed, name + "attention.output.dense"), name + "attention.output.LayerNorm")
        hidden = ACTIVATIONS[config["hidden_act"]](linear(x, name + "intermediate.dense"))
        x = norm(x + linear(hidden, name + "output.dense"), name + "output.LayerNorm")
    return x


def bucket(distance, n_buckets, farthest):
    """T5Attention._relative_position_bucket, for keys on both sides of the query."""
    n = n_buckets // 2
    first, length, n_exact = (n if distance > 0 else 0), abs(distance), n // 2
    if length < n_exact:
        return first + length
    further = np.log(np.float32(length) / np.float32(n_exact)) / np.float32(math.log(farthest / n_exact))
    return first + min(n_exact + int(further * np.float32(n - n_exact)), n - 1)


def t5(config, weights, ids, _types):
    def norm(x, name):
        return x / np.sqrt((x * x).mean(axis=-1, keepdims=True) + config["layer_norm_epsilon"]) * weights[name]

    block = "encoder.block.{}.layer.{}."
    n, farthest = config["relative_attention_num_buckets"], config["relative_attention_max_distance"]
    table = weights[block.format(0, 0) + "SelfAttention.relative_attention_bias.weight"]
    places = range(len(ids))
    bias = np.array([[table[bucket(j - i, n, farthest)] for j in places] for i in places]).transpose(2, 0, 1)
    is_gated, activation = config["feed_forward_proj"].startswith("gated-"), config["feed_forward_proj"].split("-")[-1]
    activation = ACTIVATIONS["gelu_new" if is_gated and activation == "gelu" else activation]
    x = weights["shared.weight"][ids]
    for i in range(config["num_layers"]):
        name = block.format(i, 0)
        h = norm(x, name + "layer_norm.weight")
        q, k, v = (h @ weights[f"{name}SelfAttention.{part}.weight"].T for part in "qkv")
        x = x + attention(q, k, v, config["num_heads"], 1.0, bias) @ weights[name + "SelfAttention.o.weight"].T
        name = block.format(i, 1)
        h = norm(x, name + "layer_norm.weight")
        name += "DenseReluDense."
        if is_gated:
            h = activation(h @ weights[name + "wi_0.weight"].T) * (h @ weights[name + "wi_1.weight"].T)
        else:
            h = activation(h @ weights[name + "wi.weight"].T)
        x = x + h @ weights[name + "wo.weight"].T
    return norm(x, "encoder.final_layer_norm.weight")


def hidden_states(folder, ids, types=None):
    folder = pathlib.Path(folder)
    config = json.loads((folder / "config.json").read_text())
    forward = t5 if config["model_type"] == "t5" else bert
    return forward(config, read_safetensors(folder / "model.safetensors"), list(ids), types)


if __name__ == "__main__":
    asked = json.loads(pathlib.Path(sys.argv[2]).read_text())
    states = hidden_states(sys.argv[1], asked["ids"], asked.get("types"))
    if len(sys.argv) > 3:
        np.save(sys.argv[3], states.astype(np.float32))
    print(states)
