"""Models as files: what they hold, in other formats, smaller."""

import numpy as np
import pytest
import tidemill
from conftest import GOLDEN
from tidemill import models

FOLDER = GOLDEN / "models/llama-gqa-untied"
IDS = [5, 17, 230, 9, 44, 101]


def test_what_a_model_holds(tiny_model, engine):
    told = models.info(tiny_model, context_length=64, batch=2)
    assert told.format.startswith("gguf") and told.architecture == "gemma3" and told.runnable and not told.is_encoder
    assert told.vocab_size == engine.vocab_size and told.file_bytes == tiny_model.stat().st_size
    assert told.memory.context_length == 64 and told.memory.batch == 2
    assert told.memory.total == sum(getattr(told.memory, name) for name in ("weights", "state", "activations", "tokenizer"))
    assert told.n_parameters == sum(int(np.prod(tensor.shape)) for tensor in told.tensors)
    assert all(tensor.n_bytes > 0 and tensor.dtype for tensor in told.tensors) and dict(told.metadata)["general.architecture"] == "gemma3"


def test_another_format(tmp_path):
    shares = []
    report = models.convert(FOLDER, tmp_path / "model.safetensors", threads=1, on_progress=shares.append)
    assert report.format == "safetensors" and report.n_bytes > 0 and shares == sorted(shares)
    models.convert(FOLDER, tmp_path / "model.tmill")
    expected = tidemill.Engine.load(FOLDER, threads=1, precision="f32").logits(IDS)
    found = tidemill.Engine.load(tmp_path / "model.tmill", threads=1, precision="f32").logits(IDS)
    np.testing.assert_array_equal(found, expected)


def test_a_smaller_model(tmp_path, tiny_model):
    report = models.quantize(tiny_model, tmp_path / "small.tmill", bits=8, group_size=32, threads=1)
    assert report.format == "tmill" and 8 <= report.bits_per_weight < 16 and report.loss is None
    assert report.tensors and all(0 <= tensor.relative_error < 0.01 and tensor.format for tensor in report.tensors)
    expected = tidemill.Engine.load(tiny_model, threads=1, precision="f32").logits(IDS)
    found = tidemill.Engine.load(tmp_path / "small.tmill", threads=1, precision="f32").logits(IDS)
    assert 0 < np.abs(found - expected).max() < 0.1 * np.ptp(expected)


def test_what_is_refused(tmp_path, tiny_model):
    out = tmp_path / "out.gguf"
    for call, kind in (
        (lambda: models.info(tmp_path / "none"), tidemill.NotFound),
        (lambda: models.info(__file__), tidemill.FormatError),
        (lambda: models.info(5), TypeError),
        (lambda: models.convert(tmp_path / "none", out), tidemill.NotFound),
        (lambda: models.convert(FOLDER, tmp_path / "out.zip"), tidemill.ArgumentError),
        (lambda: models.convert(FOLDER, out, dtype="int8"), tidemill.ArgumentError),
        (lambda: models.convert(FOLDER, None), TypeError),
        (lambda: models.quantize(tiny_model, out, method="none"), tidemill.ArgumentError),
        (lambda: models.quantize(tiny_model, out, layout="none"), tidemill.ArgumentError),
        (lambda: models.quantize(tiny_model, out, bits=7), tidemill.ArgumentError),
        (lambda: models.quantize(tiny_model, out, method="gptq"), tidemill.ArgumentError),
        (lambda: models.quantize(tiny_model, out, bits="four"), TypeError),
        (lambda: tidemill.Reranker.load(FOLDER), tidemill.ModelError),
        (lambda: tidemill.Reranker.load(tmp_path / "none"), tidemill.NotFound),
    ):
        with pytest.raises(kind):
            call()
    assert not out.exists()

    def stop(_):
        raise RuntimeError("enough")

    with pytest.raises(RuntimeError, match="enough"):
        models.quantize(tiny_model, tmp_path / "stopped.tmill", bits=8, group_size=32, on_progress=stop)
    assert not (tmp_path / "stopped.tmill").exists()
