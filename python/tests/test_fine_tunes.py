"""Fine-tunes over the weights of a loaded model, and other numbers for the model itself."""

import asyncio
import json
import shutil

import numpy as np
import pytest
import tidemill
from conftest import GOLDEN
from tidemill import delta

GREEDY = {"temperature": 0, "max_tokens": 12, "ignore_eos": True}
IDS = [5, 17, 230, 9, 44, 101]


def tensors_of(file):
    """Views of the tensors of a safetensors file that is a bytearray, by name."""
    size = int.from_bytes(file[:8], "little")
    header = json.loads(bytes(file[8 : 8 + size]))
    header.pop("__metadata__", None)
    found = {}
    for name, tensor in header.items():
        begin, end = tensor["data_offsets"]
        assert tensor["dtype"] == "F32"
        found[name] = np.frombuffer(memoryview(file)[8 + size + begin : 8 + size + end], np.float32).reshape(tensor["shape"])
    return found


def tuned(base, folder, factor):
    """A copy of a model with every other tensor scaled, and the delta between the two."""
    shutil.copytree(base, folder)
    content = bytearray((base / "model.safetensors").read_bytes())
    for index, (_, tensor) in enumerate(sorted(tensors_of(content).items())):
        if index % 2:
            tensor *= np.float32(factor)
    (folder / "model.safetensors").write_bytes(content)
    file = folder.parent / f"{folder.name}.tmdelta"
    delta.make(base, folder, file, threads=1)
    return folder, file


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """A base, and two fine-tunes of it with their deltas."""
    folder = tmp_path_factory.mktemp("models")
    base = folder / "base"
    base.mkdir()
    for name in ("config.json", "model.safetensors"):
        shutil.copy(GOLDEN / "models/llama-gqa-untied" / name, base / name)
    return base, tuned(base, folder / "first", 1.25), tuned(base, folder / "second", 0.5)


def load(path, **options):
    return tidemill.Engine.load(path, threads=1, **options)


def test_fine_tunes_share_the_weights_and_the_steps(models):
    base, *fine_tunes = models
    engine = load(base)
    engines = [engine, *(engine.with_deltas(file) for _, file in fine_tunes)]
    alone = [load(base), *(load(folder) for folder, _ in fine_tunes)]
    for one, expected in zip(engines, alone, strict=True):
        np.testing.assert_array_equal(one.logits(IDS), expected.logits(IDS))

    async def together():
        return await asyncio.gather(*(one.agenerate(IDS[:n], **GREEDY) for one in engines for n in (1, 3, 6)))

    expected = [one.generate(IDS[:n], **GREEDY).ids for one in alone for n in (1, 3, 6)]
    assert [result.ids for result in asyncio.run(together())] == expected
    assert len({tuple(one.logits(IDS)[-1].tolist()) for one in engines}) == 3
    used = engine.delta_memory()
    assert 0 < used.n_bytes <= used.max_bytes and used.n_hits and used.n_misses and not used.n_evictions


def test_little_memory_changes_nothing(models):
    base, (folder, file), _ = models
    engine = load(base, max_delta_bytes=1)
    np.testing.assert_array_equal(engine.with_deltas([file]).logits(IDS), load(folder).logits(IDS))
    assert engine.delta_memory().n_bytes <= 1


def test_a_model_loaded_with_deltas(models):
    base, (folder, file), _ = models
    np.testing.assert_array_equal(load(base, deltas=file).logits(IDS), load(folder).logits(IDS))


def test_weights_are_replaced(models):
    base, (folder, file), (second, second_file) = models
    engine = load(base)
    before = engine.logits(IDS)
    with delta.open(base, file) as tensors:
        engine.update(tensors)
    np.testing.assert_array_equal(engine.logits(IDS), load(folder).logits(IDS))
    engine.apply_deltas(second_file)  # of the files, not of what is there
    np.testing.assert_array_equal(engine.logits(IDS), load(second).logits(IDS))
    engine.update(tensors_of(bytearray((base / "model.safetensors").read_bytes())))
    np.testing.assert_array_equal(engine.logits(IDS), before)


def test_arrays_in_any_strides(models):
    base, (folder, file), _ = models
    engine = load(base)
    with delta.open(base, file) as tensors:
        engine.update({name: np.asfortranarray(tensor) for name, tensor in tensors.items()})
    np.testing.assert_array_equal(engine.logits(IDS), load(folder).logits(IDS))


def test_a_text_goes_on_with_other_weights(models):
    base, (_, file), _ = models
    engine = load(base)
    with engine.stream(IDS, temperature=0, ignore_eos=True) as pieces:
        next(pieces)
        engine.apply_deltas(file)
        assert next(pieces).id >= 0


def test_what_is_refused(models, tmp_path):
    base, (_, file), _ = models
    engine = load(base)
    with delta.open(base, file) as opened:
        tensors = dict(opened)
    name = "model.norm.weight"
    before = engine.logits(IDS)
    for wrong, kind, says in (
        ({"none": tensors[name]}, tidemill.ArgumentError, "none"),
        ({name: tensors[name][:-1]}, tidemill.ArgumentError, name),
        ({name: tensors[name].astype(np.float16)}, tidemill.ArgumentError, name),
        ({name: tensors[name].astype(np.int32)}, TypeError, name),
        ({name: np.zeros((1,) * 9, np.float32)}, tidemill.ArgumentError, None),
        ({name: "text"}, TypeError, name),
        ({name: None}, TypeError, name),
        ({5: tensors[name]}, TypeError, None),
        # The first is right, the second is not: nothing is replaced.
        ({name: tensors[name] * 2, "none": tensors[name]}, tidemill.ArgumentError, "none"),
    ):
        with pytest.raises(kind, match=says):
            engine.update(wrong)
    np.testing.assert_array_equal(engine.logits(IDS), before)
    for call in (engine.with_deltas, engine.apply_deltas):
        with pytest.raises(tidemill.NotFound):
            call(tmp_path / "none.tmdelta")
        (tmp_path / "bad.tmdelta").write_bytes(b"nothing of the kind")
        with pytest.raises(tidemill.FormatError):
            call([tmp_path / "bad.tmdelta"])
        with pytest.raises(tidemill.ArgumentError, match="none is given"):
            call([])
        with pytest.raises(TypeError):
            call(5)
    fine_tune = engine.with_deltas(file)
    with pytest.raises(tidemill.ModelError, match="fine-tunes"):
        engine.update({name: tensors[name]})
    del fine_tune
