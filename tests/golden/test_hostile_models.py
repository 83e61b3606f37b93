"""Configurations and weights that disagree: one line that names the field or tensor, exit status 3, no crash."""

import json
import pathlib
import shutil
import struct

import pytest

MODELS = pathlib.Path(__file__).parent / "models"


@pytest.fixture
def refused(tidemill, tmp_path):
    """Changes a copy of a model and says what `tidemill logits` answers."""

    def refused(model, change, status=3):
        folder = tmp_path / "model"
        shutil.copytree(MODELS / model, folder, dirs_exist_ok=True)
        change(folder)
        done = tidemill.run("logits", folder, "--ids-file", "-", "--json", stdin='{"ids":[1,2,3]}', timeout=60)
        assert done.returncode == status, done.stderr
        assert done.stdout == ""
        assert done.stderr.startswith("error: ") and done.stderr.count("\n") == 1 and len(done.stderr) <= 502
        return done.stderr

    return refused


def config(**fields):
    """Sets fields of config.json; a value of ... removes one."""

    def change(folder):
        path = folder / "config.json"
        values = json.loads(path.read_text()) | fields
        path.write_text(json.dumps({key: value for key, value in values.items() if value is not ...}))

    return change


def tensors(change_header):
    """Rewrites the header of model.safetensors: `change_header` gets {name: {dtype, shape, data_offsets}}."""

    def change(folder):
        path = folder / "model.safetensors"
        data = path.read_bytes()
        size = struct.unpack("<Q", data[:8])[0]
        header = json.loads(data[8 : 8 + size])
        change_header(header)
        text = json.dumps(header).encode()
        path.write_bytes(struct.pack("<Q", len(text)) + text + data[8 + size :])

    return change


def rename(old, new):
    def change(header):
        header[new] = header.pop(old)

    return tensors(change)


def reshape(name, shape):
    return tensors(lambda header: header[name].update(shape=shape))


LLAMA = "llama-gqa-untied"


@pytest.mark.parametrize("fields, words", [
    ({"num_attention_heads": 0}, ["num_attention_heads", "0", "from 1"]),
    ({"num_attention_heads": -6}, ["num_attention_heads", "-6"]),
    ({"num_attention_heads": 2**63}, ["num_attention_heads", str(2**63)]),
    ({"num_attention_heads": 10**30}, ["num_attention_heads"]),
    ({"num_attention_heads": 6.5}, ["num_attention_heads", "6.5"]),
    ({"num_attention_heads": "6"}, ["num_attention_heads", '"6"']),
    ({"num_attention_heads": [6]}, ["num_attention_heads", "[6]"]),
    ({"num_attention_heads": ...}, ["num_attention_heads", "missing"]),
    ({"num_key_value_heads": 4}, ["6 heads", "4 kv heads"]),
    ({"head_dim": 7, "hidden_size": 42}, ["head_dim 7"]),
    ({"hidden_size": 2**40}, ["hidden_size"]),
    ({"hidden_size": 64}, ["model.embed_tokens.weight", "[257, 60]", "[257, 64]"]),
    ({"vocab_size": 300}, ["model.embed_tokens.weight", "[257, 60]", "[300, 60]"]),
    ({"num_hidden_layers": 1}, ["model.layers.1.", "not part of this architecture"]),
    ({"num_hidden_layers": 3}, ["model.layers.2.", "missing"]),
    ({"num_hidden_layers": 10**6}, ["num_hidden_layers"]),
    ({"attention_bias": True}, ["self_attn.q_proj.bias", "missing"]),
    ({"attention_bias": 1}, ["attention_bias", "true or false"]),
    ({"rms_norm_eps": 0}, ["rms_norm_eps", "above 0"]),
    ({"rms_norm_eps": "small"}, ["rms_norm_eps"]),
    ({"rope_theta": -1}, ["rope_theta"]),
    ({"rope_scaling": {"rope_type": "spiral", "factor": 2.0}}, ["rope_type", "spiral", "llama3"]),
    ({"rope_scaling": "linear"}, ["rope_scaling", "object"]),
    ({"rope_scaling": {"rope_type": "llama3", "factor": 2.0}}, ["low_freq_factor", "missing"]),
    ({"hidden_act": "tanhshrink"}, ["hidden_act", "tanhshrink"]),
    ({"hidden_act": "x" * 10_000}, ["hidden_act"]),
    ({"tie_word_embeddings": True}, ["lm_head.weight", "not part of"]),
    ({"architectures": []}, ["architectures", "empty"]),
    ({"architectures": ...}, ["architectures", "missing"]),
    ({"architectures": "LlamaForCausalLM"}, ["architectures"]),
    ({"architectures": ["NobodysForCausalLM"]}, ["NobodysForCausalLM", "models --architectures"]),
    ({"architectures": [7]}, ["architectures", "7"]),
], ids=lambda value: "".join(map(str, value))[:60] if isinstance(value, dict) else "")  # fmt: skip
def test_a_wrong_field_is_named(refused, fields, words):
    message = refused(LLAMA, config(**fields))
    for word in words:
        assert word in message


@pytest.mark.parametrize("change, words", [
    (rename("model.norm.weight", "model.normal.weight"), ["model.norm.weight", "missing"]),
    (rename("lm_head.weight", "model.layers.0.extra.weight"), ["lm_head.weight", "missing"]),
    (reshape("model.norm.weight", [6, 10]), ["model.norm.weight", "[6, 10]", "[60]"]),
    (reshape("model.norm.weight", [1, 60]), ["model.norm.weight", "[1, 60]"]),
    (reshape("lm_head.weight", [60, 257]), ["lm_head.weight", "[60, 257]", "[257, 60]"]),
    (reshape("lm_head.weight", [257 * 60]), ["lm_head.weight"]),
    (reshape("lm_head.weight", [1, 1, 1, 1, 1, 257, 60]), ["lm_head.weight"]),
], ids=["norm missing", "head missing", "norm 6x10", "norm 1x60", "head transposed", "head flat", "rank 7"])  # fmt: skip
def test_a_wrong_tensor_is_named(refused, change, words):
    message = refused(LLAMA, change)
    for word in words:
        assert word in message


@pytest.mark.parametrize("model, fields, words", [
    ("phi3-partial-rotary", {"num_key_value_heads": 1}, ["qkv_proj", "[128, 64]"]),
    ("phi3-partial-rotary", {"intermediate_size": 113}, ["gate_up_proj", "[224, 64]"]),
    ("phi3-partial-rotary", {"partial_rotary_factor": 1.5}, ["partial_rotary_factor"]),
    ("gptneox-parallel", {"partial_rotary_factor": None, "rotary_pct": 1e30}, ["partial_rotary_factor"]),
    ("gptneox-parallel", {"partial_rotary_factor": None, "rope_parameters": {"partial_rotary_factor": 2}},
     ["partial_rotary_factor"]),
    ("lfm2", {"intermediate_size": None, "block_ff_dim": 60, "block_auto_adjust_ff_dim": True,
              "block_ffn_dim_multiplier": 1e30}, ["block_ffn_dim_multiplier"]),
    ("phi3-partial-rotary", {"rope_scaling": {"type": "longrope"}}, ["short_factor", "missing"]),
    ("phi3-partial-rotary", {"rope_scaling": {"type": "longrope", "short_factor": [1.0] * 5}}, ["short_factor", "5", "6"]),
    ("phi3-partial-rotary", {"rope_scaling": {"type": "longrope", "short_factor": [0] * 6}}, ["short_factor", "above 0"]),
    ("gptneox-parallel", {"num_attention_heads": 3}, ["head_dim 21"]),
    ("gptneox-parallel", {"num_attention_heads": 2, "head_dim": 24}, ["query_key_value", "[192, 64]", "a part of"]),
    ("gpt2-tied", {"n_inner": 100}, ["c_fc", "[100, 48]", "transposed"]),
    ("gpt2-tied", {"scale_attn_by_inverse_layer_idx": True}, ["scale_attn_by_inverse_layer_idx"]),
    ("gemma2-softcap-window", {"layer_types": ["full_attention"]}, ["layer_types", "1", "3"]),
    ("gemma2-softcap-window", {"layer_types": ["sideways"] * 3}, ["layer_types", "sideways"]),
    ("mixtral", {"num_local_experts": 5}, ["gate.weight", "[4, 40]", "[5, 40]"]),
    ("mixtral", {"num_experts_per_tok": 5}, ["num_experts_per_tok"]),
    ("qwen3moe", {"moe_intermediate_size": 25}, ["experts.0"]),
    ("qwen3next", {"linear_num_key_heads": 4}, ["linear_num_key_heads", "divide"]),
    ("qwen3next", {"linear_key_head_dim": 11}, ["in_proj_qkvz", "[112, 40]", "a part of"]),
    ("qwen3next", {"linear_conv_kernel_dim": 3}, ["conv1d.weight", "[76, 1, 4]"]),
    ("qwen3next", {"layer_types": ["linear_attention"] * 2 + ["chunked_attention"]}, ["layer_types", "chunked_attention"]),
    ("qwen3next", {"hidden_act": "gelu"}, ["hidden_act", "gelu"]),
    ("qwen3next", {"attn_output_gate": False}, ["attn_output_gate"]),
    ("qwen3next", {"head_dim": 16}, ["q_proj", "[96, 40]", "a part of [64, 40]"]),
    ("qwen3next", {"shared_expert_intermediate_size": 21}, ["shared_expert.gate_proj", "[20, 40]", "[21, 40]"]),
    ("glm4", {"intermediate_size": 61}, ["gate_up_proj", "[120, 40]", "a part of [61, 40]"]),
    ("granite4-dense", {"layer_types": ["mamba", "attention"]}, ["layer_types", "mamba"]),
    ("granite4-dense", {"num_local_experts": 4}, ["num_local_experts", "4"]),
    ("lfm2", {"conv_bias": True}, ["conv_bias"]),
    ("lfm2", {"conv_L_cache": 4}, ["conv.conv.weight", "[40, 1, 3]"]),
    ("lfm2", {"layer_types": None, "full_attn_idxs": [4]}, ["full_attn_idxs", "4"]),
    ("olmoe", {"clip_qkv": 8.0}, ["clip_qkv"]),
    ("phi2", {"qk_layernorm": True}, ["qk_layernorm"]),
    ("stablelm", {"qk_layernorm": True}, ["qk_layernorm"]),
    ("smollm3-nope", {"no_rope_layers": [1]}, ["no_rope_layers"]),
    ("bert", {"position_embedding_type": "relative_key"}, ["position_embedding_type", "relative_key"]),
    ("bert", {"type_vocab_size": 3}, ["token_type_embeddings", "[2, 48]", "[3, 48]"]),
    ("bert", {"max_position_embeddings": 2**40}, ["max_position_embeddings"]),
    ("bert", {"max_position_embeddings": 95}, ["position_embeddings", "[96, 48]", "[95, 48]"]),
    ("bert", {"num_attention_heads": 49}, ["49 heads"]),
    ("bert", {"hidden_act": "mish"}, ["hidden_act", "mish"]),
    ("roberta", {"pad_token_id": -1}, ["pad_token_id", "-1"]),
    ("roberta", {"pad_token_id": 97}, ["context of 0", "98 learned positions"]),
    ("nomic-bert", {"head_dim": 11}, ["11", "rotate"]),
    ("nomic-bert", {"num_attention_heads": 3, "head_dim": 12}, ["Wqkv", "[144, 48]"]),
    ("nomic-bert", {"rope_parameters": {"rope_theta": 0}}, ["rope_theta"]),
    ("modernbert-local", {"local_attention": 0}, ["local_attention"]),
    ("modernbert-local", {"global_attn_every_n_layers": 0}, ["global_attn_every_n_layers"]),
    ("modernbert-local", {"layer_types": ["full_attention"]}, ["layer_types", "1", "4"]),
    ("modernbert-local", {"attention_bias": True}, ["Wqkv.bias", "missing"]),
    ("modernbert-local", {"num_hidden_layers": 3}, ["layers.3.", "not part of"]),
    ("t5-encoder-gated", {"relative_attention_num_buckets": 2}, ["relative_attention_num_buckets", "2"]),
    ("t5-encoder-gated", {"relative_attention_num_buckets": 8}, ["relative_attention_bias", "[16, 4]", "[8, 4]"]),
    ("t5-encoder-gated", {"relative_attention_max_distance": 4}, ["distances up to 4"]),
    ("t5-encoder-gated", {"relative_attention_max_distance": 2**50}, ["relative_attention_max_distance"]),
    ("t5-encoder-gated", {"feed_forward_proj": "gated-mish"}, ["feed_forward_proj", "mish"]),
    ("t5-encoder-gated", {"feed_forward_proj": "relu"}, ["DenseReluDense.wi.weight", "missing"]),
    ("t5-encoder-gated", {"d_kv": 13}, ["SelfAttention.q", "[48, 48]", "[52, 48]"]),
    ("mamba", {"state_size": 9}, ["x_proj", "[19, 80]", "a part of"]),
    ("mamba", {"conv_kernel": 5}, ["conv1d.weight", "[80, 1, 4]", "[5, 80] transposed"]),
    ("mamba", {"time_step_rank": "auto"}, ["time_step_rank", "auto"]),
    ("mamba", {"use_bias": True}, ["in_proj.bias", "missing"]),
    ("mamba", {"use_conv_bias": False}, ["conv1d.bias", "not part of"]),
    ("mamba", {"use_bias": 1}, ["use_bias", "true or false"]),
    ("mamba2-groups", {"use_bias": True}, ["in_proj.bias", "missing"]),
    ("mamba2-groups", {"n_groups": 4}, ["n_groups"]),
    ("mamba2-groups", {"state_size": 2**40}, ["state_size"]),
    ("mamba2-groups", {"n_groups": 3}, ["in_proj", "[262, 48]"]),
    ("mamba2-groups", {"time_step_limit": [0.01, 1.0]}, ["time_step_limit"]),
    ("rwkv4-hf", {"attention_hidden_size": 80}, ["attention_hidden_size"]),
    ("rwkv4", {"num_hidden_layers": 2}, ["blocks.2", "not part of"]),
    ("rwkv5-2", {"head_size": 13}, ["num_heads", "head_size"]),
    ("rwkv6", {"num_heads": 0}, ["num_heads"]),
    ("rwkv7", {"intermediate_size": 113}, ["ffn.key.weight", "[112, 48]", "[113, 48]"]),
])  # fmt: skip
def test_families_name_what_is_wrong(refused, model, fields, words):
    message = refused(model, config(**fields))
    for word in words:
        assert word in message


DOWN = "model.layers.0.mlp.experts.down_proj"


@pytest.mark.parametrize("change, words", [
    (rename(DOWN + "_scales", DOWN + "_scale"), ["down_proj_scales", "missing"]),
    (rename(DOWN + "_blocks", DOWN + "_block"), ["down_proj_blocks", "missing"]),
    (reshape(DOWN + "_blocks", [3, 64, 6, 8]), ["down_proj_blocks", "[3, 64, 6, 8]", "blocks of 32"]),
    (reshape(DOWN + "_blocks", [3, 32, 6, 16]), ["down_proj_blocks", "[3, 32, 6, 16]"]),
    (reshape(DOWN + "_blocks", [3, 64, 48]), ["down_proj_blocks", "[3, 64, 48]"]),
    (reshape(DOWN + "_scales", [2, 96, 3]), ["down_proj_scales", "[2, 96, 3]"]),
    (reshape(DOWN + "_scales", [576]), ["down_proj_scales", "[576]"]),
    (tensors(lambda header: header[DOWN + "_scales"].update(dtype="BOOL")), ["down_proj_scales"]),
    (config(num_local_experts=4), ["router.weight", "[3, 64]", "[4, 64]"]),
    (config(num_local_experts=4096, num_hidden_layers=1024, layer_types=None), ["router.weight"]),
    (config(intermediate_size=95), ["gate_up_proj_scales", "a part of [95, 64]"]),
], ids=["no scales", "no blocks", "bytes of 8", "rows", "flat", "experts", "vector", "dtype", "one more", "many", "odd"])  # fmt: skip
def test_wrong_mxfp4_is_named(refused, change, words):
    message = refused("gptoss-mxfp4", change)
    for word in words:
        assert word in message


@pytest.mark.parametrize("model, change, words", [
    ("mamba", reshape("backbone.layers.1.mixer.A_log", [8, 80]), ["layers.1.mixer.A_log", "[8, 80]", "[8, 80] transposed"]),
    ("mamba", reshape("backbone.layers.0.mixer.conv1d.weight", [80, 2, 2]), ["conv1d.weight", "[80, 2, 2]"]),
    ("rwkv6", reshape("blocks.0.att.time_maa_w1", [48 * 30]), ["time_maa_w1", "a matrix"]),
    ("rwkv6", reshape("blocks.1.att.time_maa_w1", [30, 48]), ["blocks.1.att.time_maa_w1", "[30, 48]"]),
    ("rwkv6", reshape("blocks.1.att.time_maa_w2", [1, 30, 48]), ["blocks.1.att.time_maa_w2", "[1, 30, 48]"]),
    ("rwkv7", rename("blocks.0.att.w1", "blocks.0.att.w9"), ["blocks.0.att.w1", "missing"]),
    ("rwkv7", rename("blocks.2.att.v0", "blocks.2.att.v9"), ["blocks.2.att.v0", "missing"]),
], ids=["A turned", "conv", "flat", "turned", "stack of one", "no rank", "no v0"])  # fmt: skip
def test_a_wrong_tensor_of_a_recurrent_model_is_named(refused, model, change, words):
    message = refused(model, change)
    for word in words:
        assert word in message


def test_a_folder_without_config_or_weights(refused):
    assert "config.json" in refused(LLAMA, lambda folder: (folder / "config.json").unlink())


def test_nan_is_found_when_asked_for(tidemill, tmp_path):
    folder = tmp_path / "model"
    shutil.copytree(MODELS / LLAMA, folder)
    path = folder / "model.safetensors"
    data = bytearray(path.read_bytes())
    size = struct.unpack("<Q", data[:8])[0]
    begin = 8 + size + json.loads(data[8 : 8 + size])["model.layers.1.mlp.up_proj.weight"]["data_offsets"][0]
    data[begin + 4 * 131 : begin + 4 * 132] = struct.pack("<f", float("nan"))
    path.write_bytes(data)
    arguments = ["logits", folder, "--ids-file", "-", "--json", "--check"]
    done = tidemill.run(*arguments, stdin='{"ids":[1]}')
    assert done.returncode == 3, done.stderr
    assert "model.layers.1.mlp.up_proj.weight' holds NaN in row 2, column 11" in done.stderr
    assert tidemill.run("info", folder, "--check").stderr == done.stderr
    assert tidemill.run(*arguments[:-1], stdin='{"ids":[1]}').returncode == 0
