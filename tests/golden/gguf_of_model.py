"""Tiny models of Hugging Face's layout as GGUF, laid out as llama.cpp's converter does it: names, joined and stacked
tensors, the order of the elements that rotate together, metadata keys."""

import json
import math
import pathlib
import re

import gguf
import ml_dtypes  # noqa: F401 (makes numpy know bfloat16)
import numpy as np
from safetensors.numpy import load_file

LLAMA = {
    "model.embed_tokens": "token_embd", "model.norm": "output_norm", "lm_head": "output",
    "input_layernorm": "attn_norm", "post_attention_layernorm": "ffn_norm",
    "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output", "self_attn.q_norm": "attn_q_norm", "self_attn.k_norm": "attn_k_norm",
    "self_attn.qkv_proj": "attn_qkv", "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down", "mlp.gate_up_proj": "ffn_up", "mlp.gate": "ffn_gate_inp",
    "block_sparse_moe.gate": "ffn_gate_inp", "mlp.shared_expert.gate_proj": "ffn_gate_shexp",
    "mlp.shared_expert.up_proj": "ffn_up_shexp", "mlp.shared_expert.down_proj": "ffn_down_shexp",
    "mlp.shared_expert_gate": "ffn_gate_inp_shexp",
}  # fmt: skip
AFTER = LLAMA | {
    "post_attention_layernorm": "post_attention_norm", "pre_feedforward_layernorm": "ffn_norm",
    "post_feedforward_layernorm": "post_ffw_norm",
}  # fmt: skip
NEXT = LLAMA | {
    "post_attention_layernorm": "post_attention_norm", "linear_attn.in_proj_ba": "ssm_ba",
    "linear_attn.conv1d": "ssm_conv1d", "linear_attn.dt_bias": "ssm_dt.bias", "linear_attn.A_log": "ssm_a",
    "linear_attn.norm": "ssm_norm", "linear_attn.out_proj": "ssm_out", "linear_attn.in_proj_qkvz": "ssm_in",
}  # fmt: skip
GPT2 = {
    "transformer.wte": "token_embd", "transformer.wpe": "position_embd", "transformer.ln_f": "output_norm",
    "ln_1": "attn_norm", "ln_2": "ffn_norm", "attn.c_attn": "attn_qkv", "attn.c_proj": "attn_output",
    "mlp.c_fc": "ffn_up", "mlp.c_proj": "ffn_down",
}  # fmt: skip
NEOX = {
    "gpt_neox.embed_in": "token_embd", "gpt_neox.final_layer_norm": "output_norm", "embed_out": "output",
    "input_layernorm": "attn_norm", "post_attention_layernorm": "ffn_norm", "attention.query_key_value": "attn_qkv",
    "attention.dense": "attn_output", "mlp.dense_h_to_4h": "ffn_up", "mlp.dense_4h_to_h": "ffn_down",
}  # fmt: skip
GPT_OSS = LLAMA | {
    "post_attention_layernorm": "post_attention_norm", "mlp.router": "ffn_gate_inp", "self_attn.sinks": "attn_sinks.weight",
}
# Class in config.json -> architecture in GGUF, names; without any they are those that gguf's own table gives.
ARCHITECTURES = {
    "GemmaForCausalLM": ("gemma", LLAMA), "Gemma2ForCausalLM": ("gemma2", AFTER), "Gemma3ForCausalLM": ("gemma3", AFTER),
    "Gemma3TextModel": ("gemma-embedding", AFTER), "GPT2LMHeadModel": ("gpt2", GPT2), "GPTNeoXForCausalLM": ("gptneox", NEOX), "LlamaForCausalLM": ("llama", LLAMA),
    "MistralForCausalLM": ("llama", LLAMA), "MixtralForCausalLM": ("llama", LLAMA), "Olmo2ForCausalLM": ("olmo2", AFTER),
    "Phi3ForCausalLM": ("phi3", LLAMA), "Qwen2ForCausalLM": ("qwen2", LLAMA), "Qwen3ForCausalLM": ("qwen3", LLAMA),
    "Glm4ForCausalLM": ("glm4", None), "GraniteForCausalLM": ("granite", None),
    "GraniteMoeForCausalLM": ("granitemoe", None), "Lfm2ForCausalLM": ("lfm2", None), "OlmoeForCausalLM": ("olmoe", None),
    "PhiForCausalLM": ("phi2", None), "Qwen2MoeForCausalLM": ("qwen2moe", None),
    "StableLmForCausalLM": ("stablelm", None),
    "Qwen3MoeForCausalLM": ("qwen3moe", LLAMA), "Qwen3NextForCausalLM": ("qwen3next", NEXT), "SmolLM3ForCausalLM": ("smollm3", LLAMA),
    "GptOssForCausalLM": ("gpt-oss", GPT_OSS),
}  # fmt: skip
EXPERT = re.compile(r"(?:mlp|block_sparse_moe)\.experts\.(\d+)\.(gate_proj|up_proj|down_proj|w1|w2|w3)")
EXPERT_NAMES = {"gate_proj": "gate", "w1": "gate", "up_proj": "up", "w3": "up", "down_proj": "down", "w2": "down"}


def interleaved(weight, n_heads):
    """Rows of each head from halves to pairs side by side, as the rotary embedding of llama.cpp's llama wants them."""
    halves = weight.reshape(n_heads, 2, weight.shape[0] // n_heads // 2, *weight.shape[1:])
    return halves.swapaxes(1, 2).reshape(weight.shape)


def joined_by_kind(weight, n_heads):
    """[head][q, k, v] -> [q, k, v][head]."""
    heads = weight.reshape(n_heads, 3, weight.shape[0] // n_heads // 3, *weight.shape[1:])
    return heads.swapaxes(0, 1).reshape(weight.shape)


def kind_by_kind(weight, config):
    """Qwen 3 Next's [head of k][q, k, v, z] as ([q, k, v], [z])."""
    heads, d_k = config["linear_num_key_heads"], config["linear_key_head_dim"]
    d_v = config["linear_value_head_dim"] * config["linear_num_value_heads"] // heads
    parts = np.split(weight.reshape(heads, 2 * (d_k + d_v), -1), np.cumsum([d_k, d_k, d_v]), axis=1)
    q, k, v, z = (part.reshape(-1, weight.shape[1]) for part in parts)
    return np.concatenate([q, k, v]), z


def in_gguf_order(blocks, scales):
    """gpt-oss's MXFP4, neighbours in a byte, as blocks that begin with their scale and have the halves in a byte."""
    codes = np.stack([blocks & 15, blocks >> 4], axis=-1).reshape(*blocks.shape[:-1], 2, 16)
    whole = np.concatenate([scales[..., None], codes[..., 0, :] | codes[..., 1, :] << 4], axis=-1)
    return whole.reshape(*blocks.shape[:2], -1)


def experts_of_gpt_oss(tensors):
    """Takes the experts out of `tensors`: what they are in a GGUF, gate and up apart, [experts, rows, columns]."""
    result = {}
    for name in [name for name in tensors if ".mlp.experts." in name and not name.endswith("_scales")]:
        layer, stem = re.search(r"layers\.(\d+)\.mlp\.experts\.(.*)", name).groups()
        value, suffix = tensors.pop(name), "bias" if stem.endswith("_bias") else "weight"
        if stem.endswith("_blocks"):
            value = in_gguf_order(value, tensors.pop(name.replace("_blocks", "_scales")))
        elif suffix == "weight":
            value = value.swapaxes(1, 2)
        parts = {"ffn_gate": value[:, 0::2], "ffn_up": value[:, 1::2]} if "gate_up" in stem else {"ffn_down": value}
        for part, rows in parts.items():
            result[f"blk.{layer}.{part}_exps.{suffix}"] = np.ascontiguousarray(rows)
    return result


def names_by_gguf(architecture, n_layers):
    """What `weights_of` looks names up in, by gguf's own table for the architecture."""
    kind = next(key for key, name in gguf.MODEL_ARCH_NAMES.items() if name == architecture)
    table = gguf.get_tensor_name_map(kind, n_layers)

    class Names:
        def __getitem__(self, stem):
            found = table.get_name(stem) or table.get_name("model.layers.0." + stem)
            return found.removeprefix("blk.0.")

    return Names()


def weights_of(folder, config, architecture, names, legacy):
    heads = config.get("num_attention_heads", config.get("n_head"))
    kv_heads = config.get("num_key_value_heads") or heads
    tensors, experts = load_file(folder / "model.safetensors"), {}
    result = experts_of_gpt_oss(tensors) if architecture == "gpt-oss" else {}
    for name, weight in tensors.items():
        weight = weight.astype(np.float32)
        layer = re.search(r"\.(?:layers|h)\.(\d+)\.(.*)", name)
        stem, dot, suffix = (layer[2] if layer else name).rpartition(".")
        if suffix not in ("weight", "bias"):
            stem, dot, suffix = stem + dot + suffix, "", ""
        prefix = f"blk.{layer[1]}." if layer else ""
        if expert := EXPERT.fullmatch(stem):
            experts.setdefault(f"{prefix}ffn_{EXPERT_NAMES[expert[2]]}_exps.weight", {})[int(expert[1])] = weight
            continue
        if stem == "block_sparse_moe.input_linear":
            result[prefix + "ffn_gate_exps.weight"], result[prefix + "ffn_up_exps.weight"] = np.split(weight, 2, axis=1)
            continue
        ours = names[stem]
        if architecture in ("llama", "smollm3", "granite", "granitemoe") and ours in ("attn_q", "attn_k"):
            weight = interleaved(weight, heads if ours == "attn_q" else kv_heads)
        if architecture == "gptneox" and ours == "attn_qkv":
            weight = joined_by_kind(weight, heads)
        if architecture == "gpt2" and suffix == "weight" and ours in ("attn_qkv", "attn_output", "ffn_up", "ffn_down"):
            weight = weight.T
        if architecture.startswith("gemma") and ours.endswith("norm"):
            weight = weight + 1
        if architecture == "qwen3next":
            if name.endswith("norm.weight") and ours != "ssm_norm":
                weight = weight + 1
            if ours == "ssm_a":
                weight = -np.exp(weight)
            if ours == "ssm_in" and not legacy:
                weight, result[prefix + "attn_gate.weight"] = kind_by_kind(weight, config)
                ours = "attn_qkv"
        if architecture in ("qwen2moe", "qwen3next", "lfm2"):
            weight = weight.squeeze()
        result[f"{prefix}{ours}{dot}{suffix}"] = np.ascontiguousarray(weight)
    for name, parts in experts.items():
        result[name] = np.stack([parts[index] for index in range(len(parts))])
    return result


def longrope_attention_factor(config):
    first = config["original_max_position_embeddings"]
    return math.sqrt(1 + math.log(config["max_position_embeddings"] / first) / math.log(first))


def llama3_divisors(config, scaling):
    """What the converter writes for rope_type llama3: a divisor for each frequency."""
    dim = config["head_dim"]
    frequencies = config["rope_theta"] ** -(np.arange(0, dim, 2, dtype=np.float64) / dim)
    context, low, high = (scaling[k] for k in ("original_max_position_embeddings", "low_freq_factor", "high_freq_factor"))
    waves = 2 * np.pi / frequencies
    share = np.clip((context / waves - low) / (high - low), 0, 1)
    return (1 / ((1 - share) / scaling["factor"] + share)).astype(np.float32)


def write(folder, path, legacy=False, finish=lambda writer: writer.add_tokenizer_model("no_vocab")):
    """`folder`'s model as a GGUF at `path`, weights in f32 and no tokenizer unless `finish` adds one; `legacy`: as the
    architecture's first converter wrote it."""
    folder = pathlib.Path(folder)
    config = json.loads((folder / "config.json").read_text())
    architecture, names = ARCHITECTURES[config["architectures"][0]]
    heads = config.get("num_attention_heads", config.get("n_head"))
    width = config.get("hidden_size", config.get("n_embd"))
    head_dim = config.get("head_dim") or width // heads
    writer = gguf.GGUFWriter(path, architecture)
    writer.add_context_length(config.get("max_position_embeddings", config.get("n_positions")))
    writer.add_vocab_size(config["vocab_size"])
    writer.add_embedding_length(width)
    writer.add_block_count(config.get("num_hidden_layers", config.get("n_layer")))
    writer.add_head_count(heads)
    if architecture == "lfm2":
        writer.add_head_count_kv([config["num_key_value_heads"] * (kind == "full_attention") for kind in config["layer_types"]])
        writer.add_shortconv_l_cache(config["conv_L_cache"])
    elif config.get("num_key_value_heads"):
        writer.add_head_count_kv(config["num_key_value_heads"])
    if config.get("head_dim"):
        writer.add_key_length(head_dim)
        writer.add_value_length(head_dim)
    if eps := config.get("rms_norm_eps", config.get("norm_eps")):
        writer.add_layer_norm_rms_eps(eps)
    else:
        writer.add_layer_norm_eps(config.get("layer_norm_eps", config.get("layer_norm_epsilon")))
    rope = config.get("rope_parameters") or {}
    share = config.get("partial_rotary_factor", rope.get("partial_rotary_factor", 0.25 if architecture == "qwen3next" else 1.0))
    writer.add_rope_dimension_count(int(head_dim * share))
    if base := config.get("rope_theta", rope.get("rope_theta")):
        writer.add_rope_freq_base(base)
    scaling = config.get("rope_scaling") or rope
    kind = scaling.get("rope_type", "default")
    names = names or names_by_gguf(architecture, config["num_hidden_layers"])
    weights = weights_of(folder, config, architecture, names, legacy)
    is_adjusted = architecture == "lfm2"
    writer.add_feed_forward_length(
        len(weights["blk.0.ffn_up.weight"]) if is_adjusted else config.get("intermediate_size") or 4 * width)
    if kind == "linear":
        writer.add_rope_scaling_type(gguf.RopeScalingType.LINEAR)
        writer.add_rope_scaling_factor(scaling["factor"])
    if kind == "yarn":
        writer.add_rope_scaling_type(gguf.RopeScalingType.YARN)
        writer.add_rope_scaling_factor(scaling["factor"])
        writer.add_rope_scaling_orig_ctx_len(scaling["original_max_position_embeddings"])
    if kind == "llama3":
        weights["rope_freqs.weight"] = llama3_divisors(config, scaling)
    if kind == "default" and scaling.get("type") == "longrope":
        writer.add_rope_scaling_orig_ctx_len(config["original_max_position_embeddings"])
        writer.add_rope_scaling_attn_factors(scaling.get("attention_factor") or longrope_attention_factor(config))
        for which in ("long", "short"):
            weights[f"rope_factors_{which}.weight"] = np.array(scaling[f"{which}_factor"], np.float32)
    if config.get("sliding_window"):
        writer.add_sliding_window(config["sliding_window"])
    if architecture == "gemma2":
        writer.add_attn_logit_softcapping(config["attn_logit_softcapping"])
        writer.add_final_logit_softcapping(config["final_logit_softcapping"])
    if "use_parallel_residual" in config:
        writer.add_parallel_residual(config["use_parallel_residual"])
    if "embedding_multiplier" in config:
        writer.add_embedding_scale(config["embedding_multiplier"])
        writer.add_residual_scale(config["residual_multiplier"])
        writer.add_attention_scale(config["attention_multiplier"])
        writer.add_logit_scale(config["logits_scaling"])
    if n_experts := config.get("num_local_experts", config.get("num_experts")):
        writer.add_expert_count(n_experts)
        writer.add_expert_used_count(config["num_experts_per_tok"])
        if "moe_intermediate_size" in config:
            writer.add_expert_feed_forward_length(config["moe_intermediate_size"])
        if "shared_expert_intermediate_size" in config:
            writer.add_expert_shared_feed_forward_length(config["shared_expert_intermediate_size"])
    if architecture == "qwen3next":
        writer.add_ssm_conv_kernel(config["linear_conv_kernel_dim"])
        writer.add_ssm_state_size(config["linear_key_head_dim"])
        writer.add_ssm_group_count(config["linear_num_key_heads"])
        writer.add_ssm_time_step_rank(config["linear_num_value_heads"])
        writer.add_ssm_inner_size(config["linear_value_head_dim"] * config["linear_num_value_heads"])
        writer.add_full_attention_interval(config["layer_types"].index("full_attention") + 1)
    if architecture == "gemma-embedding":
        writer.add_sliding_window_pattern(config["layer_types"].index("full_attention") + 1)
        writer.add_float32("gemma-embedding.rope.freq_base_swa", config["rope_local_base_freq"])
    finish(writer)
    for name, weight in weights.items():
        kind = gguf.GGMLQuantizationType.MXFP4 if weight.dtype == np.uint8 else None
        writer.add_tensor(name, weight, raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
