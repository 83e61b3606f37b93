"""`tidemill rerank` gives what transformers' models for sequence classification give, by the formulas in NumPy."""

import json

import numpy as np
import pytest
import safetensors.numpy
from cross_encoder import DOCUMENTS, LAYERS, QUERY, CrossEncoder
from sentence_folders import make_folder, write_safetensors


def rank(tidemill, folder, *arguments):
    line = json.dumps({"query": QUERY, "documents": DOCUMENTS})
    done = tidemill.run("rerank", folder, "--stdin-jsonl", *arguments, stdin=line + "\n")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)["results"]


def expect(results, expected):
    assert [result["index"] for result in results] == list(np.argsort(-expected, kind="stable"))
    np.testing.assert_allclose([result["relevance_score"] for result in results], np.sort(expected)[::-1], atol=1e-5)


@pytest.mark.parametrize("kind", LAYERS)
def test_scores_are_sigmoids_of_the_numbers(tidemill, tmp_path, kind):
    model = CrossEncoder(tmp_path, kind)
    expect(rank(tidemill, model.folder), 1 / (1 + np.exp(-model.numbers())))
    expect(rank(tidemill, model.folder, "--raw-scores"), model.numbers())
    assert rank(tidemill, model.folder, "--top-n", 2) == rank(tidemill, model.folder)[:2]


@pytest.mark.parametrize(
    "config", [{"sentence_transformers": {"activation_fn": "torch.nn.modules.linear.Identity"}},
               {"sbert_ce_default_activation_function": "torch.nn.modules.linear.Identity"}], ids=["new", "old"]
)  # fmt: skip
def test_the_configuration_may_ask_for_the_numbers_themselves(tidemill, tmp_path, config):
    model = CrossEncoder(tmp_path, **config)
    expect(rank(tidemill, model.folder), model.numbers())


def test_lines_of_a_file(tidemill, tmp_path):
    model = CrossEncoder(tmp_path)
    lines = [document for document in DOCUMENTS if document]
    (tmp_path / "lines.txt").write_text("\n\n".join(lines), encoding="utf-8")
    done = tidemill.run("rerank", model.folder, "--query", QUERY, "--file", tmp_path / "lines.txt")
    assert done.returncode == 0, done.stderr
    order = np.argsort([-model.number(QUERY, line) for line in lines])
    assert [line.split("  ", 1)[1] for line in done.stdout.splitlines()] == [lines[i] for i in order]


def test_models_that_are_no_rerankers_are_refused(tidemill, tmp_path, tiny_model):
    (tmp_path / "two").mkdir()
    wrong = {
        "no head": make_folder(tmp_path / "model"), "2 labels": CrossEncoder(tmp_path / "two", n_labels=2).folder,
        "no folder of an encoder": tiny_model,
    }  # fmt: skip
    for words, folder in wrong.items():
        done = tidemill.run("rerank", folder, "--query", "x", stdin="a\n")
        assert done.returncode == 3 and words in done.stderr and done.stderr.count("\n") == 1, done.stderr


def test_what_does_not_fit_is_named(tidemill, tmp_path):
    model = CrossEncoder(tmp_path)
    weights = safetensors.numpy.load_file(model.folder / "model.safetensors")
    write_safetensors(model.folder / "model.safetensors", weights | {"bert.pooler.dense.bias": np.zeros(5)})
    done = tidemill.run("rerank", model.folder, "--query", "x", stdin="a\n")
    assert done.returncode == 3 and "bert.pooler.dense.bias" in done.stderr and done.stderr.count("\n") == 1
    model.change(model.folder, sentence_transformers={"activation_fn": "x.Softplus"})
    write_safetensors(model.folder / "model.safetensors", weights)
    done = tidemill.run("rerank", model.folder, "--query", "x", stdin="a\n")
    assert done.returncode == 3 and "x.Softplus" in done.stderr
    assert tidemill.run("rerank", model.folder).returncode == 2
