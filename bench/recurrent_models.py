"""Random models of RWKV-4 to 7 and Mamba-1 and 2 of any size, to measure with: as folders in the layout of their
authors' code, and where llama.cpp knows the architecture as GGUF in F32, Q8_0 and Q4_0 (all matrices but the small ones
that its own quantisation leaves alone).
"""

import json
import pathlib
import sys

import numpy as np
from safetensors.numpy import save_file

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests/golden"))

import recurrent_gguf  # noqa: E402

HEAD_DIM = 64
GGUF_DTYPES = ["F32", "Q8_0", "Q4_0"]


class Maker:
    """Weights by name; what is drawn keeps activations of the size that training gives them."""

    def __init__(self, layers, width, vocab):
        self.layers, self.width, self.vocab = layers, width, vocab
        self.random = np.random.default_rng(17)
        self.weights = {}

    def matrix(self, name, *shape, fan_in=None):
        scale = (fan_in or shape[-1]) ** -0.5
        self.weights[name] = (self.random.standard_normal(shape) * scale).astype(np.float32)

    def uniform(self, name, low, high, *shape):
        self.weights[name] = self.random.uniform(low, high, shape).astype(np.float32)

    def norm(self, name, bias=True):
        self.weights[f"{name}.weight"] = np.ones(self.width, np.float32)
        if bias:
            self.weights[f"{name}.bias"] = np.zeros(self.width, np.float32)


def rwkv(maker, version, ranks, time_mix):
    """A model of RWKV `version`; `time_mix(maker, prefix)` makes what no other version has."""
    width, d_ff = maker.width, 4 * maker.width if version[0] in "47" else 7 * maker.width // 2 // 32 * 32
    maker.uniform("emb.weight", -1, 1, maker.vocab, width)
    maker.matrix("head.weight", maker.vocab, width)
    for name in ("blocks.0.ln0", "ln_out"):
        maker.norm(name)
    for layer in range(maker.layers):
        att, ffn = f"blocks.{layer}.att.", f"blocks.{layer}.ffn."
        maker.norm(f"blocks.{layer}.ln1")
        maker.norm(f"blocks.{layer}.ln2")
        for name in ("key", "value", "receptance", "output"):
            maker.matrix(f"{att}{name}.weight", width, width)
        if version[0] in "56":
            maker.matrix(f"{att}gate.weight", width, width)
        if version[0] != "4":
            maker.norm(f"{att}ln_x")
        maker.matrix(f"{ffn}key.weight", d_ff, width)
        maker.matrix(f"{ffn}value.weight", width, d_ff)
        if version[0] != "7":
            maker.matrix(f"{ffn}receptance.weight", width, width)
        time_mix(maker, layer, ranks)
    config = {"architectures": [f"Rwkv{version[0]}"], "model_type": f"rwkv{version[0]}", "rwkv_version": version}
    heads = {} if version[0] == "4" else {"num_heads": width // HEAD_DIM, "head_size": HEAD_DIM, "group_norm_epsilon": 64e-5}
    return config | heads | {"intermediate_size": d_ff}


def shares(maker, prefix, names):
    for name in names:
        maker.uniform(prefix + name, 0, 1, 1, 1, maker.width)


def mix4(maker, layer, _):
    att = f"blocks.{layer}.att."
    shares(maker, att, ["time_mix_k", "time_mix_v", "time_mix_r"])
    shares(maker, f"blocks.{layer}.ffn.", ["time_mix_k", "time_mix_r"])
    maker.uniform(f"{att}time_decay", -5, 1, maker.width)
    maker.uniform(f"{att}time_first", -1, 1, maker.width)


def mix5(maker, layer, _):
    att, heads = f"blocks.{layer}.att.", maker.width // HEAD_DIM
    shares(maker, att, ["time_mix_k", "time_mix_v", "time_mix_r", "time_mix_g"])
    shares(maker, f"blocks.{layer}.ffn.", ["time_mix_k", "time_mix_r"])
    maker.uniform(f"{att}time_decay", -5, 1, heads, HEAD_DIM)
    maker.uniform(f"{att}time_faaaa", -1, 1, heads, HEAD_DIM)


def mix6(maker, layer, ranks):
    att, width = f"blocks.{layer}.att.", maker.width
    shares(maker, att, [f"time_maa_{letter}" for letter in "xwkvrg"])
    shares(maker, f"blocks.{layer}.ffn.", ["time_maa_k", "time_maa_r"])
    maker.matrix(f"{att}time_maa_w1", width, 5 * ranks["mix"], fan_in=width)
    maker.matrix(f"{att}time_maa_w2", 5, ranks["mix"], width, fan_in=100 * ranks["mix"])
    maker.uniform(f"{att}time_decay", -5, 0, 1, 1, width)
    maker.matrix(f"{att}time_decay_w1", width, ranks["decay"], fan_in=width)
    maker.matrix(f"{att}time_decay_w2", ranks["decay"], width, fan_in=100 * ranks["decay"])
    maker.uniform(f"{att}time_faaaa", -1, 1, width // HEAD_DIM, HEAD_DIM)


def mix7(maker, layer, ranks):
    att, width = f"blocks.{layer}.att.", maker.width
    shares(maker, att, [f"x_{letter}" for letter in "rwkvag"])
    shares(maker, f"blocks.{layer}.ffn.", ["x_k"])
    for letter, low, high in [("w", -5, 0), ("a", -1, 1), ("v", -1, 1), ("g", 0, 0)]:
        if letter == "v" and layer == 0:
            continue  # it has no earlier value to mix with
        rank = ranks[letter]
        if letter != "g":
            maker.uniform(f"{att}{letter}0", low, high, 1, 1, width)
        maker.matrix(f"{att}{letter}1", width, rank, fan_in=width)
        maker.matrix(f"{att}{letter}2", rank, width, fan_in=rank)
    maker.uniform(f"{att}k_k", 0.5, 1, 1, 1, width)
    maker.uniform(f"{att}k_a", 0.5, 1, 1, 1, width)
    maker.uniform(f"{att}r_k", -0.1, 0.1, width // HEAD_DIM, HEAD_DIM)


def step_bias(maker, name, n):
    """What softplus makes a step from 0.001 to 0.1 of."""
    step = np.exp(maker.random.uniform(np.log(0.001), np.log(0.1), n))
    maker.weights[name] = np.log(np.expm1(step)).astype(np.float32)


def mamba_outside(maker):
    maker.uniform("backbone.embeddings.weight", -1, 1, maker.vocab, maker.width)
    maker.norm("backbone.norm_f", bias=False)
    for layer in range(maker.layers):
        maker.norm(f"backbone.layers.{layer}.norm", bias=False)


def mamba(maker, state=16, kernel=4):
    width, inner, rank = maker.width, 2 * maker.width, (maker.width + 15) // 16
    mamba_outside(maker)
    for layer in range(maker.layers):
        mixer = f"backbone.layers.{layer}.mixer."
        maker.matrix(f"{mixer}in_proj.weight", 2 * inner, width)
        maker.matrix(f"{mixer}conv1d.weight", inner, 1, kernel)
        maker.uniform(f"{mixer}conv1d.bias", -0.1, 0.1, inner)
        maker.matrix(f"{mixer}x_proj.weight", rank + 2 * state, inner)
        maker.matrix(f"{mixer}dt_proj.weight", inner, rank)
        step_bias(maker, f"{mixer}dt_proj.bias", inner)
        maker.weights[f"{mixer}A_log"] = np.tile(np.log(np.arange(1, state + 1, dtype=np.float32)), (inner, 1))
        maker.weights[f"{mixer}D"] = np.ones(inner, np.float32)
        maker.matrix(f"{mixer}out_proj.weight", width, inner)
    return {
        "architectures": ["MambaForCausalLM"], "model_type": "mamba", "expand": 2, "intermediate_size": inner,
        "state_size": state, "conv_kernel": kernel, "time_step_rank": rank, "tie_word_embeddings": True,
    }  # fmt: skip


def mamba2(maker, state=128, kernel=4):
    width, inner = maker.width, 2 * maker.width
    heads, convolved = inner // HEAD_DIM, inner + 2 * state
    mamba_outside(maker)
    for layer in range(maker.layers):
        mixer = f"backbone.layers.{layer}.mixer."
        maker.matrix(f"{mixer}in_proj.weight", inner + convolved + heads, width)
        maker.matrix(f"{mixer}conv1d.weight", convolved, 1, kernel)
        maker.uniform(f"{mixer}conv1d.bias", -0.1, 0.1, convolved)
        step_bias(maker, f"{mixer}dt_bias", heads)
        maker.weights[f"{mixer}A_log"] = np.log(maker.random.uniform(1, 16, heads)).astype(np.float32)
        maker.weights[f"{mixer}D"] = np.ones(heads, np.float32)
        maker.weights[f"{mixer}norm.weight"] = np.ones(inner, np.float32)
        maker.matrix(f"{mixer}out_proj.weight", width, inner)
    return {
        "architectures": ["Mamba2ForCausalLM"], "model_type": "mamba2", "expand": 2, "num_heads": heads,
        "head_dim": HEAD_DIM, "n_groups": 1, "state_size": state, "conv_kernel": kernel, "chunk_size": 256,
        "tie_word_embeddings": True,
    }  # fmt: skip


# Name -> what makes it.  Ranks are those of the authors' models of some 150 M weights.
KINDS = {
    "rwkv4": lambda maker: rwkv(maker, "4.0", {}, mix4),
    "rwkv5": lambda maker: rwkv(maker, "5.2", {}, mix5),
    "rwkv6": lambda maker: rwkv(maker, "6.0", {"mix": 32, "decay": 64}, mix6),
    "rwkv7": lambda maker: rwkv(maker, "7.0", {"w": 64, "a": 64, "v": 32, "g": 128}, mix7),
    "mamba": mamba,
    "mamba2": mamba2,
}
IN_GGUF = ["rwkv6", "rwkv7", "mamba", "mamba2"]


def make(kind, folder, layers, width, vocab):
    """The model as a folder, unless it is there; where llama.cpp knows it, as GGUFs beside it.  dtype -> path."""
    source = folder / kind
    if not (source / "model.safetensors").exists():
        source.mkdir(parents=True, exist_ok=True)
        maker = Maker(layers, width, vocab)
        config = KINDS[kind](maker) | {
            "hidden_size": width, "num_hidden_layers": layers, "vocab_size": vocab, "layer_norm_epsilon": 1e-5,
        }  # fmt: skip
        (source / "config.json").write_text(json.dumps(config, indent=1) + "\n", encoding="utf-8")
        save_file(maker.weights, source / "model.safetensors", metadata={"format": "pt"})
    if kind not in IN_GGUF:
        return {"F32": source}
    paths = {dtype: folder / f"{kind}-{dtype}.gguf" for dtype in GGUF_DTYPES}
    for dtype, path in paths.items():
        if not path.exists():
            recurrent_gguf.write(source, path, dtype)
    return paths
