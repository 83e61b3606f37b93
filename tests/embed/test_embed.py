"""`tidemill embed` gives what sentence-transformers' formulas give, in NumPy; files that do not fit are refused."""

import json
import os
import pathlib
import shutil

import numpy as np
import pytest
from sentence_folders import BERT, D_MODEL, TEXTS, hidden_of, ids_of, make_folder, unit


def embed(tidemill, model, texts, *arguments):
    lines = "".join(json.dumps({"text": text}) + "\n" for text in texts)
    done = tidemill.run("embed", model, "--stdin-jsonl", *arguments, stdin=lines)
    assert done.returncode == 0, done.stderr
    return [np.array(json.loads(line)["embedding"]) for line in done.stdout.splitlines()]


def expect(found, expected):
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5, rtol=0)


def weighted(hidden):
    weights = np.arange(1, len(hidden) + 1)[:, None]
    return (hidden * weights).sum(0) / weights.sum()


POOLINGS = {
    "cls_token": lambda hidden: hidden[0], "max_tokens": lambda hidden: hidden.max(0), "mean_tokens": lambda hidden: hidden.mean(0),
    "mean_sqrt_len_tokens": lambda hidden: hidden.sum(0) / np.sqrt(len(hidden)), "weightedmean_tokens": weighted,
    "lasttoken": lambda hidden: hidden[-1],
}  # fmt: skip


@pytest.mark.parametrize("name", POOLINGS)
def test_every_pooling(tidemill, tmp_path, name):
    folder = make_folder(tmp_path / "model", pooling=[name], normalize=False)
    expect(embed(tidemill, folder, TEXTS), [POOLINGS[name](hidden_of(folder, text)) for text in TEXTS])


def test_several_poolings_are_joined(tidemill, tmp_path):
    folder = make_folder(tmp_path / "model", pooling=["mean_tokens", "cls_token"])
    hidden = [hidden_of(folder, text) for text in TEXTS]
    expect(embed(tidemill, folder, TEXTS), [unit(np.concatenate([h[0], h.mean(0)])) for h in hidden])


@pytest.mark.parametrize("activation, function", [("Tanh", np.tanh), ("Identity", lambda x: x), ("ReLU", lambda x: np.maximum(x, 0))])
def test_dense_layers(tidemill, tmp_path, activation, function):
    rng = np.random.default_rng(3)
    weight, bias = rng.normal(size=(20, D_MODEL)) / 7, rng.normal(size=20)
    folder = make_folder(tmp_path / "model", dense=(weight, bias, f"torch.nn.modules.activation.{activation}"))
    means = [hidden_of(folder, text).mean(0) for text in TEXTS]
    expect(embed(tidemill, folder, TEXTS), [unit(function(weight @ mean + bias)) for mean in means])


def test_dimensions_are_the_first_of_a_vector(tidemill, tmp_path):
    folder = make_folder(tmp_path / "model")
    whole = embed(tidemill, folder, TEXTS)
    expect(embed(tidemill, folder, TEXTS, "--dimensions", 16), [unit(vector[:16]) for vector in whole])
    done = tidemill.run("embed", folder, "--text", "x", "--dimensions", 49)
    assert done.returncode == 2 and "1 to 48" in done.stderr


def test_prompts_stand_before_texts(tidemill, tmp_path):
    prompts = {"prompts": {"query": "a tide: ", "document": ""}, "default_prompt_name": "query"}
    folder = make_folder(tmp_path / "model", prompts=prompts)
    expect(embed(tidemill, folder, ["mill"]), [unit(hidden_of(folder, "a tide: mill").mean(0))])
    expect(embed(tidemill, folder, ["mill"], "--prompt-name", "document"), [unit(hidden_of(folder, "mill").mean(0))])
    done = tidemill.run("embed", folder, "--text", "x", "--prompt-name", "other")
    assert done.returncode == 2 and "document, query" in done.stderr


def test_a_prompt_that_is_not_pooled(tidemill, tmp_path):
    folder = make_folder(tmp_path / "model", prompts={"prompts": {"query": "a tide: "}}, include_prompt=False)
    n_prompt = len(ids_of(folder, "a tide: ")) - 1
    expected = unit(hidden_of(folder, "a tide: mill")[n_prompt:].mean(0))
    expect(embed(tidemill, folder, ["mill"], "--prompt-name", "query"), [expected])


def test_a_plain_folder_gives_means(tidemill, tmp_path):
    folder = make_folder(tmp_path / "model")
    (folder / "modules.json").unlink()
    expect(embed(tidemill, folder, TEXTS), [hidden_of(folder, text).mean(0) for text in TEXTS])


def move_into(folder, below):
    """The transformer's files in a folder of their own, as older models have them."""
    (folder / below).mkdir()
    for file in [path for path in folder.iterdir() if path.is_file() and path.name not in ("modules.json", "config_sentence_transformers.json")]:
        file.rename(folder / below / file.name)
    modules = json.loads((folder / "modules.json").read_text())
    modules[0]["path"] = below
    (folder / "modules.json").write_text(json.dumps(modules))


def test_a_transformer_in_its_own_folder(tidemill, tmp_path):
    whole = make_folder(tmp_path / "whole", prompts={"prompts": {"query": "a tide: "}}, max_length=7)
    folder = make_folder(tmp_path / "model", prompts={"prompts": {"query": "a tide: "}}, max_length=7)
    move_into(folder, "0_Transformer")
    (folder / "0_Transformer/sentence_bert_config.json").rename(folder / "0_Transformer/sentence_roberta_config.json")
    for arguments in ([], ["--prompt-name", "query"]):
        expect(embed(tidemill, folder, TEXTS, *arguments), embed(tidemill, whole, TEXTS, *arguments))
    assert tidemill.json("tokenize", "--tokenizer", folder, "--text", "mill") == tidemill.json("tokenize", "--tokenizer", whole, "--text", "mill")
    assert tidemill.json("info", folder)["tokenizer"]["kind"] == "tokenizer.json"


def test_texts_are_lowered_as_python_does(tidemill, tmp_path):
    folder = make_folder(tmp_path / "model")
    tokenizer = json.loads((folder / "tokenizer.json").read_text())
    tokenizer["normalizer"]["lowercase"] = False
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer))
    texts = ["The Tide MILL", "\u0130 \u03a3\u0391\u03a3 \u00c4", " MILL "]
    without = embed(tidemill, folder, [text.lower() for text in texts])
    (folder / "sentence_bert_config.json").write_text(json.dumps({"max_seq_length": 40, "do_lower_case": True}))
    expect(embed(tidemill, folder, texts), without)
    assert embed(tidemill, folder, ["MILL"])[0].tolist() == embed(tidemill, folder, ["mill"])[0].tolist()


@pytest.mark.parametrize("below", ["", "0_BERT"])
def test_a_packed_model_keeps_its_modules(tidemill, tmp_path, below):
    weight = np.random.default_rng(5).normal(size=(20, D_MODEL)) / 7
    prompts = {"prompts": {"query": "a tide: "}, "default_prompt_name": "query"}
    folder = make_folder(tmp_path / "model", pooling=["cls_token"], dense=(weight, None, "x.Tanh"), prompts=prompts, max_length=11)
    if below:
        move_into(folder, below)
    assert tidemill.run("convert", folder, tmp_path / "packed.tmill").returncode == 0
    expect(embed(tidemill, tmp_path / "packed.tmill", TEXTS), embed(tidemill, folder, TEXTS))


def test_one_text_and_the_benchmark(tidemill, tmp_path):
    folder = make_folder(tmp_path / "model")
    vector = tidemill.json("embed", folder, "--text", TEXTS[0])["embedding"]
    expect([np.array(vector)], [unit(hidden_of(folder, TEXTS[0]).mean(0))])
    assert tidemill.json("embed", folder, "--bench", "--batch", 2, "--seq-len", 8)["embeddings_per_s"] > 1
    profile = tidemill.json("embed", folder, "--bench", "--batch", 2, "--seq-len", 8, "--profile")["profile"]
    assert profile["roofs"] and {row["operation"] for row in profile["embed"]["rows"]} >= {"attention", "project"}


def write(name, value):
    return lambda folder: (folder / name).write_text(value if isinstance(value, str) else json.dumps(value))


def without(name):
    return lambda folder: (folder / name).unlink()


MODULES = [{"type": "x.Transformer", "path": ""}]


@pytest.mark.parametrize(
    "damage, words",
    [
        (write("modules.json", "{"), "modules.json"), (write("modules.json", {}), "modules.json"), (write("modules.json", []), "modules.json"),
        (write("modules.json", [5]), "'type'"), (write("modules.json", [{"type": "x.LSTM", "path": "a"}]), "x.LSTM"),
        (write("modules.json", [{"type": "x.Pooling", "path": "../x"}]), "'path'"),
        (write("modules.json", [{"type": "x.Pooling", "path": ".."}]), "'path'"),
        (write("modules.json", [{"type": "x.Pooling", "path": 5}]), "'path'"),
        (write("modules.json", [{"type": "x.Pooling", "path": "gone"}]), "gone/config.json"),
        (write("modules.json", MODULES * 17), "modules.json"), (write("modules.json", [{"type": "x.Transformer", "path": "0_BERT"}]), "0_BERT"),
        (without("1_Pooling/config.json"), "1_Pooling/config.json"), (write("1_Pooling/config.json", "[]"), "1_Pooling/config.json"),
        (write("1_Pooling/config.json", {"word_embedding_dimension": 384, "pooling_mode_cls_token": True}), "'word_embedding_dimension'"),
        (write("1_Pooling/config.json", {"pooling_mode_cls_token": 1}), "'pooling_mode_cls_token'"),
        (write("1_Pooling/config.json", {"pooling_mode_other": True}), "pooling_mode_mean_tokens"),
        (write("sentence_bert_config.json", {"max_seq_length": -1}), "'max_seq_length'"),
        (write("sentence_bert_config.json", {"max_seq_length": 10**30}), "'max_seq_length'"),
        (write("sentence_bert_config.json", {"do_lower_case": 1}), "'do_lower_case'"),
        (write("modules.json", [{"type": "x.Pooling", "path": ""}]), "'path'"),
        (write("config_sentence_transformers.json", {"prompts": 5}), "'prompts'"),
        (write("config_sentence_transformers.json", {"prompts": {"a": 5}}), "'prompts'"),
        (write("config_sentence_transformers.json", {"default_prompt_name": "q"}), "'default_prompt_name'"),
        (write("2_Dense/config.json", {"in_features": 47, "out_features": 5}), "'in_features'"),
        (write("2_Dense/config.json", {"in_features": D_MODEL}), "'out_features'"),
        (write("2_Dense/config.json", {"in_features": D_MODEL, "out_features": 2**40}), "'out_features'"),
        (write("2_Dense/config.json", {"in_features": D_MODEL, "out_features": 5}), "linear.weight"),
        (write("2_Dense/config.json", {"in_features": D_MODEL, "out_features": 4, "activation_function": "x.Mish"}), "x.Mish"),
        (without("2_Dense/model.safetensors"), "2_Dense"),
    ],
)  # fmt: skip
def test_files_that_do_not_fit_are_named(tidemill, tmp_path, damage, words):
    folder = make_folder(tmp_path / "model", dense=(np.ones((4, D_MODEL)), None, "x.Identity"))
    damage(folder)
    done = tidemill.run("embed", folder, "--text", "x")
    assert done.returncode in (1, 3) and words in done.stderr and done.stderr.count("\n") == 1, done.stderr


def test_models_that_are_no_encoders_are_refused(tidemill, tiny_model):
    done = tidemill.run("embed", tiny_model, "--text", "x")
    assert done.returncode == 3 and "how texts become vectors" in done.stderr


def test_a_folder_without_a_tokenizer(tidemill, tmp_path):
    shutil.copytree(BERT, tmp_path / "model")
    done = tidemill.run("embed", tmp_path / "model", "--text", "x")
    assert done.returncode != 0 and "tokenizer" in done.stderr


def test_minilm(tidemill):
    """Its three lengths differ: 256 of sentence_bert_config.json counts; and its folder 2_Normalize is not there."""
    path = os.environ.get("TIDEMILL_MODEL_MINILM", "")
    if not path:
        pytest.skip("TIDEMILL_MODEL_MINILM names no folder; ./dev test fetches all-MiniLM-L6-v2")
    folder = pathlib.Path(path)
    texts = ["word " * 1000, "", "Ein Mühlrad 🌊 水车 نص عربي"]
    found = embed(tidemill, folder, texts)
    for text, vector in zip(texts, found, strict=True):
        expected = unit(hidden_of(folder, text, 256).mean(0))
        assert vector @ expected >= 0.99999 and abs(vector - expected).max() < 1e-4
