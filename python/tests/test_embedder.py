"""Embedder: rows of float32 with the values of the engine."""

import json
import shutil

import numpy as np
import pytest
import tidemill
from conftest import GOLDEN
from shared import interrupted_after


def write_folder(folder):
    """The tiny BERT with a tokenizer and a mean behind it."""
    shutil.copytree(GOLDEN / "models/bert", folder)
    vocab = {f"w{id}": id for id in range(300)}
    tokenizer = {"version": "1.0", "added_tokens": [], "pre_tokenizer": {"type": "Whitespace"},
                 "model": {"type": "WordLevel", "vocab": vocab, "unk_token": "w0"}}  # fmt: skip
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer))
    (folder / "1_Pooling").mkdir()
    (folder / "1_Pooling/config.json").write_text(json.dumps({"pooling_mode_mean_tokens": True}))
    modules = [{"type": "x.Transformer", "path": ""}, {"type": "x.Pooling", "path": "1_Pooling"}, {"type": "x.Normalize", "path": "2"}]
    (folder / "modules.json").write_text(json.dumps(modules))
    (folder / "config_sentence_transformers.json").write_text(json.dumps({"prompts": {"query": "w9 "}}))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models") / "bert"
    write_folder(folder)
    return folder


def test_vectors_are_means_of_hidden_states(folder):
    embedder = tidemill.Embedder.load(folder, threads=1, precision="f32")
    engine = tidemill.Engine.load(folder, threads=1, precision="f32")
    rows = embedder.embed(["w5 w6 w7", "w8"])
    assert rows.dtype == np.float32 and rows.shape == (2, embedder.dimensions) and embedder.is_normalized
    for row, ids in zip(rows, ([5, 6, 7], [8])):
        mean = engine.logits(ids).mean(axis=0)
        np.testing.assert_allclose(row, mean / np.linalg.norm(mean), atol=1e-6)
    np.testing.assert_array_equal(embedder.embed("w8"), rows[1])
    np.testing.assert_array_equal(engine.embed("w8"), rows[1])
    np.testing.assert_array_equal(embedder.embed("w5", prompt_name="query"), embedder.embed("w9 w5"))
    assert embedder.prompts == {"query": "w9 "} and embedder.max_tokens > 0
    assert embedder.embed([]).shape == (0, embedder.dimensions)
    short = embedder.embed("w5 w6", dimensions=8)
    assert short.shape == (8,) and abs(np.linalg.norm(short) - 1) < 1e-6


def test_ctrl_c_ends_the_work(folder):
    embedder = tidemill.Embedder.load(folder, threads=1)
    with interrupted_after(0.5):
        embedder.embed(["w5 w6 w7 w8 w9 " * 20] * 20_000)
    assert embedder.embed("w5").shape == (embedder.dimensions,)


def test_what_is_refused(folder, tiny_model):
    embedder = tidemill.Embedder.load(folder, threads=1)
    for call in (lambda: embedder.embed("w5", dimensions=10**6), lambda: embedder.embed("w5", prompt_name="none"),
                 lambda: embedder.embed("w5", long_texts="fold")):  # fmt: skip
        with pytest.raises(tidemill.ArgumentError):
            call()
    with pytest.raises(TypeError):
        embedder.embed([5])
    with pytest.raises(tidemill.ModelError):
        tidemill.Embedder.load(tiny_model)
