"""`tidemill convert MODEL OUT.onnx`: ONNX Runtime computes from it what the model gives, and so does tidemill."""

import json
import pathlib

import numpy as np
import onnx
import onnxruntime
import pytest

MODELS = pathlib.Path(__file__).parent / "models"
ENCODERS = ["bert", "roberta", "nomic-bert", "modernbert-local"]
# Without the padding of RoBERTa, which lies within no text of a batch that is padded at its end.
TEXTS = [[7, 290, 41, 2, 33, 250, 12, 9, 99, 18, 77, 3, 211, 6, 140, 60, 2, 9, 264, 31], [5], [170, 85, 23, 4, 111, 42, 66]]


def states(tidemill, model, ids):
    return np.array(tidemill.json("logits", model, "--ids-file", "-", stdin=json.dumps({"ids": ids}))["hidden"], np.float32)


def written(tidemill, tmp_path, name):
    told = tidemill.json("convert", MODELS / name, tmp_path / "model.onnx")
    assert told["format"] == "onnx"
    onnx.checker.check_model(tmp_path / "model.onnx", full_check=True)
    return tmp_path / "model.onnx"


def by_runtime(path, ids, mask, types=None):
    running = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    given = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids) if types is None else types}
    names = [one.name for one in running.get_inputs()]
    return running.run(["last_hidden_state"], {name: value.astype(np.int64) for name, value in given.items() if name in names})[0]


@pytest.mark.parametrize("name", ENCODERS)
def test_a_batch_with_padding(tidemill, tmp_path, name):
    path = written(tidemill, tmp_path, name)
    longest, padding = max(map(len, TEXTS)), 1 if name == "roberta" else 0
    ids = np.array([text + [padding] * (longest - len(text)) for text in TEXTS])
    mask = np.array([[1] * len(text) + [0] * (longest - len(text)) for text in TEXTS])
    for row, text in zip(by_runtime(path, ids, mask), TEXTS, strict=True):
        expected = states(tidemill, MODELS / name, text)
        np.testing.assert_allclose(row[: len(text)], expected, atol=5e-5, rtol=0)
        np.testing.assert_allclose(states(tidemill, path, text), expected, atol=5e-5, rtol=0)


@pytest.mark.parametrize("name", ["bert", "nomic-bert"])
def test_types(tidemill, tmp_path, name):
    path, ids, types = written(tidemill, tmp_path, name), TEXTS[0], [0] * 8 + [1] * 12
    given = json.dumps({"ids": ids, "types": types})
    expected = np.array(tidemill.json("logits", MODELS / name, "--ids-file", "-", stdin=given)["hidden"])
    one = by_runtime(path, np.array([ids]), np.ones((1, len(ids))), np.array([types]))[0]
    np.testing.assert_allclose(one, expected, atol=5e-5, rtol=0)
    np.testing.assert_allclose(tidemill.json("logits", path, "--ids-file", "-", stdin=given)["hidden"], expected, atol=5e-5, rtol=0)


def test_what_has_no_such_graph_is_refused(tidemill, tmp_path):
    for model, words in [("t5-encoder-gated", "RMS norms"), ("gpt2-tied", "only encoders")]:
        done = tidemill.run("convert", MODELS / model, tmp_path / "model.onnx")
        assert done.returncode == 3 and words in done.stderr
    done = tidemill.run("convert", MODELS / "bert", tmp_path / "model.onnx", "--dtype", "f16")
    assert done.returncode == 2 and "f32" in done.stderr
    assert list(tmp_path.iterdir()) == []
