"""Examples that need nothing but the package run; of the others what the package does in them."""

import importlib.util
import subprocess
import sys

import pytest
from conftest import ROOT
from test_embedder import write_folder

EXAMPLES = ROOT / "examples/python"


def load(name):
    spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_notebook_runs(capsys):
    load("tensor_functions")
    assert "(64, 256) float32" in capsys.readouterr().out


def test_data_sets_are_tokenized(tiny_model):
    import tidemill

    tokenizer = tidemill.Tokenizer.from_model(tiny_model)
    texts = ["The tide mill stood", "", "Ein Mühlrad"]
    batch = load("tokenize_dataset").TokenizeColumn(tokenizer, "text", 3)({"text": texts, "other": [1, 2, 3]})
    assert batch["input_ids"] == [tokenizer.encode(text, max_length=3) for text in texts]
    assert batch["n_tokens"] == [len(ids) for ids in batch["input_ids"]]


def test_a_chat_says_what_the_model_lacks(tiny_model):
    found = subprocess.run(
        [sys.executable, EXAMPLES / "chat.py", tiny_model, "--max-tokens", "4"],
        input="Hello\n",
        capture_output=True,
        text=True,
        timeout=60,
    )
    # The tiny model was not made to chat: it has no template, or has one and answers.
    assert found.returncode == 0 or "chat template" in found.stderr


def test_vectors_go_into_parquet(tmp_path):
    pa = pytest.importorskip("pyarrow")
    pq = pytest.importorskip("pyarrow.parquet")
    import tidemill

    write_folder(tmp_path / "model")
    pq.write_table(pa.table({"id": [1, 2, 3], "text": ["one", None, "three"]}), tmp_path / "in.parquet")
    embedder = tidemill.Embedder.load(tmp_path / "model")
    assert load("embed_to_parquet").embed_file(embedder, tmp_path / "in.parquet", tmp_path / "out.parquet", "text", 2) == 3
    table = pq.read_table(tmp_path / "out.parquet")
    assert table.column_names == ["id", "text", "embedding"]
    assert len(table["embedding"][0].as_py()) == embedder.dimensions
