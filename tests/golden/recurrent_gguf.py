"""Tiny recurrent models as GGUF, laid out as llama.cpp's converter does it."""

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


def split_name(name):
    """(prefix of the layer in a GGUF, number of the layer, the rest of the name, ".weight", ".bias" or nothing)."""
    layer = re.search(r"\.?(?:layers|blocks)\.(\d+)\.(.*)", name)
    rest = layer[2] if layer else name
    suffix = next((end for end in (".weight", ".bias") if rest.endswith(end)), "")
    return (f"blk.{layer[1]}." if layer else "", int(layer[1]) if layer else -1, rest.removesuffix(suffix), suffix)


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
        writer.add_tensor(prefix + MAMBA[stem] + suffix, np.ascontiguousarray(weight))


# Class in config.json -> architecture in GGUF, what writes it.
ARCHITECTURES = {"MambaForCausalLM": ("mamba", write_mamba)}


def write(folder, path):
    """`folder`'s model as a GGUF at `path`, weights in f32 and no tokenizer."""
    folder = pathlib.Path(folder)
    config = json.loads((folder / "config.json").read_text())
    architecture, write_parts = ARCHITECTURES[config["architectures"][0]]
    writer = gguf.GGUFWriter(path, architecture)
    writer.add_context_length(CONTEXT)
    writer.add_embedding_length(config["hidden_size"])
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_head_count(0)
    weights = {name: weight.astype(np.float32) for name, weight in load_file(folder / "model.safetensors").items()}
    write_parts(writer, config, weights)
    writer.add_tokenizer_model("no_vocab")
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
