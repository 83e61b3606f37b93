"""Vectors and rankings of a base and a delta are those of the fine-tune itself."""

import json
import shutil
import sys

import numpy as np
import pytest
import safetensors.numpy
from cross_encoder import DOCUMENTS, QUERY, CrossEncoder
from sentence_folders import D_MODEL, ROOT, TEXTS, make_folder

sys.path.insert(0, str(ROOT / "tests/serve"))
from server import serving  # noqa: E402


def tuned_folder(base, out):
    """`base` with other numbers in every second tensor of each of its files."""
    shutil.copytree(base, out)
    for path in out.rglob("*.safetensors"):
        tensors = safetensors.numpy.load_file(path)
        for name in list(tensors)[::2]:
            tensors[name] = tensors[name] * np.float32(1.25)
        safetensors.numpy.save_file(tensors, path, {"format": "pt"})
    return out


@pytest.fixture
def embedder(tidemill, tmp_path):
    rng = np.random.default_rng(4)
    dense = (rng.normal(size=(20, D_MODEL)), rng.normal(size=20), "torch.nn.modules.activation.Tanh")
    base = make_folder(tmp_path / "base", dense=dense)
    tuned, delta = tuned_folder(base, tmp_path / "tuned"), tmp_path / "d.tmdelta"
    tidemill.json("delta", "make", base, tuned, delta)
    return base, tuned, delta


def test_vectors(tidemill, embedder):
    base, tuned, delta = embedder
    lines = "".join(json.dumps({"text": text}) + "\n" for text in TEXTS)

    def embed(*model):
        done = tidemill.run("embed", *model, "--stdin-jsonl", stdin=lines)
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert embed(base, "--delta", delta) == embed(tuned) != embed(base)


def test_served_vectors(tidemill, embedder):
    base, tuned, delta = embedder
    with serving(tidemill, "--model", f"base={base}", "--delta", f"tuned={delta}", "--model", f"file={tuned}",
                 "--threads", "1") as server:  # fmt: skip
        found = {}
        for model in ["base", "tuned", "file"]:
            answer = server.ask("POST", "/v1/embeddings", {"model": model, "input": TEXTS[0]})
            found[model] = answer[2]["data"][0]["embedding"]
        assert found["tuned"] == found["file"] != found["base"]


@pytest.mark.parametrize("kind", ["bert", "roberta"])
def test_rankings(tidemill, tmp_path, kind):
    base = CrossEncoder(tmp_path, kind).folder
    tuned, delta = tuned_folder(base, tmp_path / "tuned"), tmp_path / "d.tmdelta"
    tidemill.json("delta", "make", base, tuned, delta)
    line = json.dumps({"query": QUERY, "documents": DOCUMENTS}) + "\n"

    def rank(*model):
        done = tidemill.run("rerank", *model, "--stdin-jsonl", stdin=line)
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert rank(base, "--delta", delta) == rank(tuned) != rank(base)
