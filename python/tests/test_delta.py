"""tidemill.delta: the native part and NumPy agree bit for bit, on whatever arrays; models go there and back."""

import pathlib
import subprocess
import sys

import numpy as np
import pytest
import tidemill
from conftest import GOLDEN
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from tidemill import _delta_numpy, delta

FLOATS = [np.float16, np.float32, np.float64]
SHAPES = hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=40)
ARRAYS = st.sampled_from(FLOATS).flatmap(lambda dtype: hnp.arrays(dtype, SHAPES))
FINITE = st.sampled_from([(np.float16, 16), (np.float32, 32), (np.float64, 64)]).flatmap(
    lambda kind: hnp.arrays(kind[0], SHAPES, elements=st.floats(-(2**15), 2**15, width=kind[1]))
)
MANY = settings(max_examples=300)


def by_numpy(monkeypatch_call):
    """What a call gives without the native part."""
    before, delta._arrays = delta._arrays, _delta_numpy
    try:
        return monkeypatch_call()
    finally:
        delta._arrays = before


def same(found, expected):
    """Equal with types and all bits."""
    if isinstance(expected, tuple):
        return len(found) == len(expected) and all(same(a, b) for a, b in zip(found, expected))
    if isinstance(expected, np.ndarray):
        return found.dtype == expected.dtype and found.shape == expected.shape and found.tobytes() == expected.tobytes()
    return type(found) is type(expected) and found == expected


def odd_forms(array):
    """The same numbers, read-only, in other strides, byte orders and places."""
    yield array
    read_only = array.copy()
    read_only.flags.writeable = False
    yield read_only
    yield array.astype(array.dtype.newbyteorder())
    if array.ndim:  # NumPy makes others of one dimension
        yield np.asfortranarray(array)
        yield np.repeat(array, 2, axis=0)[::2]
    shifted = np.empty(array.nbytes + 1, np.uint8)[1:]
    shifted[:] = np.frombuffer(array.tobytes(), np.uint8)
    yield shifted.view(array.dtype).reshape(array.shape)


@MANY
@given(ARRAYS, st.one_of(st.floats(0, 2), st.sampled_from([0.0, -1.0, 1e-6, 6e-8, 65504.0, 65520.0, 1e30, 1e300, np.inf])))
def test_sparse_is_what_numpy_computes(array, threshold):
    before = array.tobytes()
    expected = by_numpy(lambda: delta.compress_delta_sparse(array, threshold))
    for form in odd_forms(array):
        found = delta.compress_delta_sparse(form, threshold)
        assert same(found, expected)
        indices, values, ratio = found
        restored = delta.decompress_delta_sparse(indices, values, array.shape)
        assert same(restored, by_numpy(lambda: delta.decompress_delta_sparse(indices, values, array.shape)))
    assert array.tobytes() == before
    flat = array.reshape(-1)
    with np.errstate(over="ignore", invalid="ignore"):
        kept = ~(np.abs(flat) < np.float64(threshold).astype(array.dtype))
    np.testing.assert_array_equal(indices, np.flatnonzero(kept))
    assert restored.reshape(-1)[kept].tobytes() == flat[kept].tobytes() and not restored.reshape(-1)[~kept].any()
    assert ratio == max(1.0, 2.0 * flat.size / max(1, 6 * kept.sum())) or flat.size == 0


@MANY
@given(FINITE)
def test_int8_is_what_numpy_computes(array):
    before = array.tobytes()
    expected = by_numpy(lambda: delta.compress_delta_int8(array))
    for form in odd_forms(array):
        assert same(delta.compress_delta_int8(form), expected)
    assert array.tobytes() == before
    quantized, scale, ratio = expected
    assert quantized.shape == array.shape and (ratio == 2.0 * array.size / (array.size + 4))
    for dtype in (None, *FLOATS):
        found = delta.decompress_delta_int8(quantized, scale, array.shape, dtype)
        assert same(found, by_numpy(lambda dtype=dtype: delta.decompress_delta_int8(quantized, scale, array.shape, dtype)))
    if array.size:
        error = np.abs(delta.decompress_delta_int8(quantized, scale, array.shape, np.float64) - array).max()
        assert error <= scale * 0.501


@MANY
@given(st.data())
def test_indices_in_any_order(data):
    n = data.draw(st.integers(1, 60))
    dtype = data.draw(st.sampled_from(FLOATS))
    indices = data.draw(st.lists(st.integers(0, n - 1), max_size=40))
    kind = data.draw(st.sampled_from([np.int8, np.uint16, np.int32, np.uint32, np.int64, np.uint64]))
    values = np.arange(1, len(indices) + 1).astype(dtype)
    found = delta.decompress_delta_sparse(np.array(indices, kind), values, n)
    expected = np.zeros(n, dtype)
    for index, value in zip(indices, values):
        expected[index] = value
    assert same(found, expected)
    assert same(found, by_numpy(lambda: delta.decompress_delta_sparse(np.array(indices, kind), values, n)))


def test_large_arrays_in_several_threads():
    rng = np.random.default_rng(5)
    array = rng.standard_normal(3_000_001).astype(np.float32)
    for threshold in (0.5, 2.0):
        assert same(delta.compress_delta_sparse(array, threshold), by_numpy(lambda t=threshold: delta.compress_delta_sparse(array, t)))
    indices, values, _ = delta.compress_delta_sparse(array, 1.0)
    np.testing.assert_array_equal(delta.decompress_delta_sparse(indices, values, array.shape), np.where(np.abs(array) >= 1, array, 0))
    assert same(delta.compress_delta_int8(array), by_numpy(lambda: delta.compress_delta_int8(array)))


def test_lists_and_scalars():
    indices, values, ratio = delta.compress_delta_sparse([0.0, 5.0, float("nan")])
    assert indices.tolist() == [1, 2] and values.dtype == np.float64 and np.isnan(values[1]) and ratio == 1.0
    quantized, scale, _ = delta.compress_delta_int8(np.float32(2.54))
    assert quantized.shape == () and quantized == 127 and scale == np.float32(2.54) / 127.0
    assert delta.decompress_delta_sparse([], [], (0, 3)).shape == (0, 3)


REFUSED = [
    (lambda: delta.compress_delta_sparse(np.arange(3)), TypeError, "delta"),
    (lambda: delta.compress_delta_sparse(np.zeros(3, np.complex64)), TypeError, "delta"),
    (lambda: delta.compress_delta_sparse("text"), TypeError, "delta"),
    (lambda: delta.compress_delta_sparse(None), TypeError, "delta"),
    (lambda: delta.compress_delta_sparse(np.zeros(3), float("nan")), ValueError, "threshold"),
    (lambda: delta.compress_delta_sparse(np.zeros(3), "1"), TypeError, "threshold"),
    (lambda: delta.compress_delta_sparse(np.zeros(3), None), TypeError, "threshold"),
    (lambda: delta.decompress_delta_sparse([3], [1.0], 3), ValueError, "index 3"),
    (lambda: delta.decompress_delta_sparse([2**40], [1.0], 3), ValueError, "index"),
    (lambda: delta.decompress_delta_sparse([-1], [1.0], 3), ValueError, "indices"),
    (lambda: delta.decompress_delta_sparse([0.5], [1.0], 3), TypeError, "indices"),
    (lambda: delta.decompress_delta_sparse([0, 1], [1.0], 3), ValueError, "values"),
    (lambda: delta.decompress_delta_sparse([0], [1], 3), TypeError, "values"),
    (lambda: delta.decompress_delta_sparse([0], [1.0], -1), ValueError, "shape"),
    (lambda: delta.decompress_delta_sparse([0], [1.0], "x"), TypeError, "shape"),
    (lambda: delta.decompress_delta_sparse([0], [1.0], 3, np.int32), TypeError, "dtype"),
    (lambda: delta.compress_delta_int8(np.array([np.nan])), ValueError, "NaN"),
    (lambda: delta.compress_delta_int8(np.array([np.inf], np.float16)), ValueError, "infinite"),
    (lambda: delta.compress_delta_int8(np.arange(3)), TypeError, "delta"),
    (lambda: delta.decompress_delta_int8(np.zeros(3), 1.0, 3), TypeError, "quantized"),
    (lambda: delta.decompress_delta_int8(np.zeros(3, np.int8), 1.0, 4), ValueError, "shape"),
    (lambda: delta.decompress_delta_int8(np.zeros(3, np.int8), float("nan"), 3), ValueError, "scale"),
    (lambda: delta.decompress_delta_int8(np.zeros(3, np.int8), 1e300, 3), ValueError, "scale"),
    (lambda: delta.decompress_delta_int8(np.zeros(3, np.int8), None, 3), TypeError, "scale"),
]


@pytest.mark.parametrize("call, kind, names", REFUSED)
def test_what_is_refused(call, kind, names):
    for run in (lambda: call(), lambda: by_numpy(call)):
        with pytest.raises(kind, match=names):
            run()


HIDDEN = """
import sys
sys.modules["tidemill._native"] = None
import numpy as np
import tidemill
from tidemill import delta
assert not delta.is_available()
array = np.array([[0, 2], [-0.5, float("nan")]], np.float32)
indices, values, ratio = delta.compress_delta_sparse(array, 0.5)
assert indices.dtype == np.uint32 and indices.tolist() == [1, 2, 3] and ratio == 1.0
np.testing.assert_array_equal(delta.decompress_delta_sparse(indices, values, (2, 2)), array)
quantized, scale, ratio = delta.compress_delta_int8(array[0])
assert quantized.tolist() == [0, 127] and delta.decompress_delta_int8(quantized, scale, 2).tolist() == [0, 2]
for call in (lambda: delta.info("x"), lambda: tidemill.Engine):
    try:
        call()
    except (tidemill.Error, ImportError) as error:
        assert "native" in str(error), error
    else:
        raise SystemExit("nothing was raised")
"""


def test_without_the_native_part():
    package = pathlib.Path(tidemill.__file__).parents[1]
    subprocess.run([sys.executable, "-c", HIDDEN], check=True, timeout=60, cwd=package)
    assert delta.is_available()


@pytest.fixture
def models(tmp_path):
    """A base and a fine-tune of it, one number of which is another."""
    base = GOLDEN / "models/qwen2-bias-tied/model.safetensors"
    content = bytearray(base.read_bytes())
    content[-3] ^= 1
    tuned = tmp_path / "tuned.safetensors"
    tuned.write_bytes(content)
    return base, tuned


def test_models_go_there_and_back(models, tmp_path):
    base, tuned = models
    file, out = tmp_path / "made.tmdelta", tmp_path / "out.safetensors"
    shares = []
    report = delta.make(base, tuned, file, threads=1, on_progress=shares.append)
    assert report.delta_bytes == file.stat().st_size and report.ratio > 1 and report.errors == []
    assert shares == sorted(shares) and 0 <= shares[0] and shares[-1] <= 1
    assert delta.verify(base, file).n_tensors == report.n_tensors
    delta.apply(base, [file], out)
    assert out.read_bytes() == tuned.read_bytes()
    told = delta.info(file)
    assert told.mode == "lossless" and told.ratio == report.ratio and len(told.tensors) == report.n_tensors
    changed = [change for change in delta.diff(base, tuned) if change.n_changed]
    assert len(changed) == 1 and changed[0].n_changed == 1 and changed[0].against == changed[0].tensor
    assert delta.make(base, tuned, file, mode="int8").errors


def test_a_delta_as_a_mapping(models, tmp_path):
    base, tuned = models
    delta.make(base, tuned, tmp_path / "made.tmdelta")
    content = tuned.read_bytes()
    import json

    size = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + size])
    with delta.open(base, tmp_path / "made.tmdelta") as model:
        assert set(model) == set(header) - {"__metadata__"} and len(model) == len(model.tensors)
        for name, array in model.items():
            begin, end = header[name]["data_offsets"]
            assert array.tobytes() == content[8 + size + begin : 8 + size + end] and list(array.shape) == header[name]["shape"]
        assert "none" not in model
        with pytest.raises(KeyError):
            model["none"]


def test_files_that_are_refused(models, tmp_path):
    base, tuned = models
    with pytest.raises(tidemill.NotFound):
        delta.info(tmp_path / "none.tmdelta")
    (tmp_path / "bad.tmdelta").write_bytes(b"nothing of the kind")
    for call in (lambda: delta.info(tmp_path / "bad.tmdelta"), lambda: delta.apply(base, tmp_path / "bad.tmdelta", tmp_path / "out"),
                 lambda: delta.open(base, tmp_path / "bad.tmdelta")):  # fmt: skip
        with pytest.raises(tidemill.FormatError, match="bad.tmdelta"):
            call()
    with pytest.raises(tidemill.ArgumentError, match="mode"):
        delta.make(base, tuned, tmp_path / "x", mode="zip")
    with pytest.raises(TypeError):
        delta.make(base, None, tmp_path / "x")
    delta.make(base, tuned, tmp_path / "made.tmdelta")
    with pytest.raises(tidemill.FormatError):
        delta.apply(tuned, tmp_path / "made.tmdelta", tmp_path / "out.safetensors")
    assert not (tmp_path / "out.safetensors").exists()

    def stop(_):
        raise RuntimeError("enough")

    with pytest.raises(RuntimeError, match="enough"):
        delta.make(base, tuned, tmp_path / "stopped.tmdelta", on_progress=stop)
    assert not (tmp_path / "stopped.tmdelta").exists()


LOW_RANK = {"mode": "lowrank", "rank": 2}


def tuned_by(base, folder, change):
    """A copy of a model of f32 with other numbers in its matrices."""
    import json
    import shutil

    shutil.copytree(base, folder)
    content = bytearray((folder / "model.safetensors").read_bytes())
    size = int.from_bytes(content[:8], "little")
    for name, tensor in json.loads(bytes(content[8 : 8 + size])).items():
        if name != "__metadata__" and len(tensor["shape"]) == 2:
            begin, end = (8 + size + offset for offset in tensor["data_offsets"])
            matrix = np.frombuffer(memoryview(content)[begin:end], np.float32).reshape(tensor["shape"])
            matrix += change(matrix.shape).astype(np.float32)
    (folder / "model.safetensors").write_bytes(content)
    return folder


@pytest.fixture
def low_rank(tmp_path):
    """A base and a fine-tune whose matrices changed by products of thin ones."""
    base = tmp_path / "base"
    base.mkdir()
    for name in ("config.json", "model.safetensors"):
        (base / name).write_bytes((GOLDEN / "models/llama-gqa-untied" / name).read_bytes())
    random = np.random.default_rng(3)
    change = lambda shape: 0.01 * random.normal(size=(shape[0], 2)) @ random.normal(size=(2, shape[1]))
    return base, tuned_by(base, tmp_path / "tuned", change)


def test_as_few_columns_as_keep_the_energy(low_rank, tmp_path):
    base, tuned = low_rank
    report = delta.make(base, tuned, tmp_path / "made.tmdelta", mode="lowrank", energy=0.999)
    assert report.errors and {error.rank for error in report.errors} <= {1, 2}
    assert all(error.relative < 0.05 for error in report.errors)
    one = delta.make(base, tuned, tmp_path / "one.tmdelta", mode="lowrank", energy=0.999, rank=1)
    assert {error.rank for error in one.errors} == {1} and one.delta_bytes < report.delta_bytes
    with pytest.raises(tidemill.ArgumentError, match="energy"):
        delta.make(base, tuned, tmp_path / "x", mode="lowrank", energy=1.5)


def test_an_adapter_for_peft(low_rank, tmp_path):
    import json

    base, tuned = low_rank
    delta.make(base, tuned, tmp_path / "made.tmdelta", **LOW_RANK)
    out = tmp_path / "adapter"
    adapter = delta.export(tmp_path / "made.tmdelta", out, base_name="some/base")
    config = json.loads((out / "adapter_config.json").read_text())
    assert config["base_model_name_or_path"] == "some/base" and config["peft_type"] == "LORA"
    assert adapter.n_modules > 0 and adapter.n_bytes > 0 and isinstance(adapter.left_out, list)
    with pytest.raises(tidemill.ArgumentError):
        delta.export(tmp_path / "made.tmdelta", out)  # there is something now
    delta.make(base, tuned, tmp_path / "lossless.tmdelta")
    with pytest.raises(tidemill.ModelError):
        delta.export(tmp_path / "lossless.tmdelta", tmp_path / "none")
    assert not (tmp_path / "none").exists()


def test_another_base_and_a_chain_as_one(models, tmp_path):
    base, tuned = models
    content = bytearray(tuned.read_bytes())
    content[-7] ^= 3
    last = tmp_path / "last.safetensors"
    last.write_bytes(content)
    first, second, both, onto = (tmp_path / f"{name}.tmdelta" for name in ("first", "second", "both", "onto"))
    delta.make(base, tuned, first)
    delta.make(tuned, last, second)
    shares = []
    delta.rebase(base, [first, second], both, threads=1, on_progress=shares.append)
    assert shares == sorted(shares)
    delta.apply(base, both, tmp_path / "out.safetensors")
    assert (tmp_path / "out.safetensors").read_bytes() == last.read_bytes()
    delta.rebase(base, [first, second], onto, onto=tuned)
    delta.apply(tuned, onto, tmp_path / "again.safetensors")
    assert (tmp_path / "again.safetensors").read_bytes() == last.read_bytes()
    with pytest.raises(tidemill.FormatError):
        delta.rebase(last, first, tmp_path / "wrong.tmdelta")
    assert not (tmp_path / "wrong.tmdelta").exists()


def test_a_store_of_deltas(models, tmp_path):
    base, tuned = models
    first, second = tmp_path / "first.tmdelta", tmp_path / "second.tmdelta"
    delta.make(base, tuned, first)
    delta.make(base, tuned, second, mode="int8")
    store = delta.DeltaStore(tmp_path / "store")
    with pytest.raises(tidemill.NotFound):
        store.list()
    added = store.add(first)
    assert added.name == "first" and added.n_bytes == first.stat().st_size and added.n_new_bytes > 0
    assert store.add(first, "copy").n_new_bytes < added.n_new_bytes
    store.add(second, name="small")
    found = store.list()
    assert [one.name for one in found] == ["copy", "first", "small"] and found[2].mode == "int8"
    assert all(one.n_bytes and one.hash and one.base for one in found)
    store.get("copy", tmp_path / "out.tmdelta")
    assert (tmp_path / "out.tmdelta").read_bytes() == first.read_bytes()
    assert store.verify() == []
    store.remove("copy")
    assert store.gc().n_objects >= 0
    store.remove("small")
    assert store.gc().n_bytes > 0 and [one.name for one in store.list()] == ["first"]
    with pytest.raises(tidemill.NotFound):
        store.get("small", tmp_path / "none")
    with pytest.raises(tidemill.ArgumentError):
        store.add(second, "first")
    with pytest.raises(tidemill.FormatError):
        store.add(base)
    with pytest.raises(TypeError):
        store.add(None)
    for file in (tmp_path / "store").rglob("*"):
        if file.is_file() and file.stat().st_size > 200:
            content = bytearray(file.read_bytes())
            content[len(content) // 2] ^= 1
            file.write_bytes(content)
    assert [problem.delta for problem in store.verify()] == ["first"] or pytest.raises(tidemill.FormatError, store.list)
