"""Reranker: scores of documents, each whatever others stand beside it."""

import json

import numpy as np
import pytest
import tidemill
from test_embedder import write_folder

DOCUMENTS = ["w5 w6", "", "w9 w10 w11 w12", "w300"]


def write_reranker(folder):
    """The tiny BERT with a head of random weights."""
    write_folder(folder)
    content = (folder / "model.safetensors").read_bytes()
    size = int.from_bytes(content[:8], "little")
    header, data = json.loads(content[8 : 8 + size]), content[8 + size :]
    config = json.loads((folder / "config.json").read_text())
    tensors = {name: (tensor["dtype"], tensor["shape"], data[slice(*tensor["data_offsets"])]) for name, tensor in header.items() if name != "__metadata__"}
    tensors = {f"bert.{name}": tensor for name, tensor in tensors.items()}
    d_model, random = config["hidden_size"], np.random.default_rng(9)
    for name, shape in (("bert.pooler.dense.weight", [d_model, d_model]), ("bert.pooler.dense.bias", [d_model]),
                        ("classifier.weight", [1, d_model]), ("classifier.bias", [1])):  # fmt: skip
        tensors[name] = ("F32", shape, (random.normal(size=shape) / 4).astype(np.float32).tobytes())
    header, data = {}, b""
    for name, (dtype, shape, numbers) in tensors.items():
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [len(data), len(data) + len(numbers)]}
        data += numbers
    told = json.dumps(header).encode()
    (folder / "model.safetensors").write_bytes(len(told).to_bytes(8, "little") + told + data)
    (folder / "config.json").write_text(json.dumps(config | {"architectures": ["BertForSequenceClassification"]}))


@pytest.fixture(scope="module")
def reranker(tmp_path_factory):
    folder = tmp_path_factory.mktemp("reranker") / "model"
    write_reranker(folder)
    return tidemill.Reranker.load(folder, threads=1)


def test_scores(reranker):
    raw = reranker.scores("w7 w8", DOCUMENTS, scale="raw")
    assert raw.dtype == np.float32 and raw.shape == (4,) and len(set(raw.tolist())) == 4
    np.testing.assert_allclose(reranker.scores("w7 w8", DOCUMENTS), 1 / (1 + np.exp(-raw)), rtol=1e-6)
    for document, score in zip(DOCUMENTS, raw, strict=True):
        assert reranker.scores("w7 w8", [document], scale="raw")[0] == score
    assert reranker.scores("w7", []).shape == (0,) and reranker.max_tokens > 0


def test_what_is_refused(reranker):
    with pytest.raises(tidemill.ArgumentError, match="scale"):
        reranker.scores("w7", DOCUMENTS, scale="none")
    for call in (lambda: reranker.scores("w7", "w5"), lambda: reranker.scores("w7", [5]), lambda: reranker.scores(None, DOCUMENTS)):
        with pytest.raises(TypeError):
            call()
