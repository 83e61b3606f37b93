"""Recurrent models as GGUF, laid out as llama.cpp's converter does it; quantised ones as its quantisation does it, with
one format for all matrices."""

import json
import pathlib
import re

import gguf
import numpy as np
from safetensors.numpy import load_file

CONTEXT = 2**20  # what the converter writes: a recurrent state has no end

MAMBA = {
    "backbone.embeddings": "token_embd", "backbone.norm_f": "output_norm", "lm_head": "output", "norm": "attn_norm",
    "mixer.in_proj": "ssm_in", "mixer.conv1d": "ssm_conv1d", "mixer.x_proj": "ssm_x", "mixer.dt_proj": "ssm_dt",
    "mixer.out_proj": "ssm_out", "mixer.norm": "ssm_norm", "mixer.A_log": "ssm_a", "mixer.D": "ssm_d",
    "mixer.dt_bias": "ssm_dt.bias",
}  # fmt: skip


RWKV = {
    "emb": "token_embd", "ln0": "token_embd_norm", "ln_out": "output_norm", "head": "output", "ln1": "attn_norm",
    "ln2": "attn_norm_2", "att.ln_x": "time_mix_ln", "att.time_faaaa": "time_mix_first",
} | {
    f"att.{name}": f"time_mix_{name}" for name in ("key", "value", "receptance", "gate", "output", "k_k", "k_a", "r_k")
} | {
    f"att.{letter}{part}": f"time_mix_{letter}{part}" for letter in "wavg" for part in "012"
} | {
    f"ffn.{name}": f"channel_mix_{name}" for name in ("key", "value", "receptance")
} | {
    "att.time_maa_w1": "time_mix_w1", "att.time_maa_w2": "time_mix_w2", "att.time_maa_x": "time_mix_lerp_x",
    "att.time_decay": "time_mix_decay", "att.time_decay_w1": "time_mix_decay_w1",
    "att.time_decay_w2": "time_mix_decay_w2", "ffn.time_maa_k": "channel_mix_lerp_k",
    "ffn.time_maa_r": "channel_mix_lerp_r", "ffn.x_k": "channel_mix_lerp_k",
}  # fmt: skip
FUSED = {"6": [f"att.time_maa_{letter}" for letter in "wkvrg"], "7": [f"att.x_{letter}" for letter in "rwkvag"]}


def split_name(name):
    """(prefix of the layer in a GGUF, number of the layer, the rest of the name, ".weight", ".bias" or nothing)."""
    layer = re.search(r"\.?(?:layers|blocks)\.(\d+)\.(.*)", name)
    rest = layer[2] if layer else name
    suffix = next((end for end in (".weight", ".bias") if rest.endswith(end)), "")
    return (f"blk.{layer[1]}." if layer else "", int(layer[1]) if layer else -1, rest.removesuffix(suffix), suffix)


# What stays as its converter writes it, in f32 or f16: it is small, and errors in it are not.
KEPT_F32 = re.compile(r"_norm\.weight|ssm_conv1d|ssm_a$|ssm_d$|time_mix_(w[12]|decay_w[12]|first|lerp|r_k)|lerp_fused")
KEPT_F16 = re.compile(r"time_mix_[avg][12]")


class Writer(gguf.GGUFWriter):
    """Keeps matrices in one dtype of GGUF: F32, Q8_0, Q4_0, ..."""

    def __init__(self, path, architecture, dtype):
        super().__init__(path, architecture)
        self.matrix_type = gguf.GGMLQuantizationType[dtype]

    def put(self, name, weight):
        weight = np.ascontiguousarray(weight)
        if self.matrix_type == gguf.GGMLQuantizationType.F32 or weight.ndim != 2 or KEPT_F32.search(name):
            self.add_tensor(name, weight)
        elif KEPT_F16.search(name) or weight.shape[1] % 32 != 0:
            self.add_tensor(name, weight.astype(np.float16))
        else:
            quantised = gguf.quants.quantize(weight, self.matrix_type)
            self.add_tensor(name, quantised, raw_dtype=self.matrix_type)


def write_mamba(writer, config, weights):
    heads, groups = config.get("num_heads"), config.get("n_groups")
    inner = config["expand"] * config["hidden_size"]
    writer.add_feed_forward_length(0)
    writer.add_ssm_conv_kernel(config["conv_kernel"])
    writer.add_ssm_inner_size(inner)
    writer.add_ssm_state_size(config["state_size"])
    writer.add_ssm_time_step_rank(heads or config["time_step_rank"])
    writer.add_layer_norm_rms_eps(config["layer_norm_epsilon"])
    if heads:
        writer.add_ssm_group_count(groups)
    else:
        writer.add_ssm_dt_b_c_rms(False)
    for name, weight in weights.items():
        prefix, _, stem, suffix = split_name(name)
        if stem.endswith("A_log"):
            weight = -np.exp(weight)
        if stem.endswith("conv1d") and suffix == ".weight":
            weight = weight.squeeze()
        if heads and stem.endswith((".A_log", ".D")):
            weight = weight.reshape(-1, 1)
        if stem == "mixer.norm":
            weight = weight.reshape(groups, -1)
        writer.put(prefix + MAMBA[stem] + suffix, weight)


def write_rwkv(writer, config, weights):
    version = config["rwkv_version"][0]
    writer.add_layer_norm_eps(config["layer_norm_epsilon"])
    writer.add_wkv_head_size(config["head_size"])
    writer.add_feed_forward_length(config["intermediate_size"])
    rank = lambda layer, weight: weights[f"blocks.{layer}.att.{weight}"].shape[1]  # noqa: E731
    if version == "6":
        writer.add_time_mix_extra_dim(rank(0, "time_maa_w1") // 5)
        writer.add_time_decay_extra_dim(rank(0, "time_decay_w1"))
    else:
        writer.add_decay_lora_rank(rank(0, "w1"))
        writer.add_iclr_lora_rank(rank(0, "a1"))
        writer.add_value_residual_mix_lora_rank(rank(1, "v1"))
        writer.add_gate_lora_rank(rank(0, "g1"))
    # Version 6 halves its x after every two layers here, and the weights that are added to it.
    rescale_every = 2 if version == "6" else 0
    if rescale_every:
        writer.add_rescale_every_n_layers(rescale_every)
    shares = {}
    for name, weight in weights.items():
        prefix, layer, stem, suffix = split_name(name)
        if stem in FUSED[version]:
            shares.setdefault(prefix, {})[stem] = weight
            continue
        ours = RWKV[stem]
        if re.fullmatch(r"time_mix_(decay_)?[wavg][12]", ours):
            weight = np.swapaxes(weight, -1, -2)
        elif not suffix and ours != "time_mix_first":
            weight = weight.reshape(-1) if ours == "time_mix_r_k" else weight.squeeze()
        if rescale_every and ours in ("time_mix_output", "channel_mix_value"):
            weight = weight / 2 ** (layer // rescale_every)
        prefix = "" if stem == "ln0" else prefix
        writer.put(f"{prefix}{ours}{suffix or '.weight'}", weight)
        if version == "7" and layer == 0 and ours.startswith("time_mix_a"):
            writer.put(f"{prefix}{ours.replace('_a', '_v')}.weight", weight)
    for prefix, parts in shares.items():
        fused = np.stack([parts[stem] for stem in FUSED[version]])
        writer.put(f"{prefix}time_mix_lerp_fused.weight", fused.reshape(len(parts), 1, 1, -1))


# Class in config.json -> architecture in GGUF, what writes it.
ARCHITECTURES = {
    "MambaForCausalLM": ("mamba", write_mamba),
    "Mamba2ForCausalLM": ("mamba2", write_mamba),
    "Rwkv6": ("rwkv6", write_rwkv),
    "Rwkv7": ("rwkv7", write_rwkv),
}


def write(folder, path, dtype="F32"):
    """`folder`'s model as a GGUF at `path`, its matrices in `dtype`, and no tokenizer."""
    folder = pathlib.Path(folder)
    config = json.loads((folder / "config.json").read_text())
    architecture, write_parts = ARCHITECTURES[config["architectures"][0]]
    writer = Writer(path, architecture, dtype)
    writer.add_context_length(CONTEXT)
    writer.add_embedding_length(config["hidden_size"])
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_head_count(0)
    weights = {name: weight.astype(np.float32) for name, weight in load_file(folder / "model.safetensors").items()}
    write_parts(writer, config, weights)
    writer.add_tokenizer_model("no_vocab")
    writer.add_vocab_size(config["vocab_size"])
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
