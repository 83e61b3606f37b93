"""Our safetensors writer beside the library's own: the same bytes, and files that the library reads."""

import os
import pathlib
import subprocess

import numpy as np
import pytest
from safetensors import TensorSpec, deserialize, safe_open, serialize
from safetensors.numpy import load_file

ROOT = pathlib.Path(__file__).resolve().parents[2]
TOOL = pathlib.Path(os.environ.get("TIDEMILL_BUILD", ROOT / "build/release")) / "safetensors_copy_tool"

# The library's names for the types that it can write -> bytes of an element; those of 4 bits are pairs to it.
TYPES = {
    "bool": 1, "uint8": 1, "int8": 1, "int16": 2, "uint16": 2, "int32": 4, "uint32": 4, "int64": 8, "uint64": 8,
    "float16": 2, "bfloat16": 2, "float32": 4, "float64": 8, "complex64": 8, "float8_e4m3fn": 1, "float8_e5m2": 1,
    "float8_e4m3fnuz": 1, "float8_e5m2fnuz": 1, "float8_e8m0fnu": 1, "float4_e2m1fn_x2": 1,
}  # fmt: skip
SHAPES = [(), (3,), (2, 5), (0, 4), (1, 2, 3), (7, 1, 1, 1, 3)]


def library_file(tensors, metadata=None):
    """The library's bytes for {name: (type, shape, bytes)}."""
    arrays = {name: np.frombuffer(data or b"\0", np.uint8) for name, (_, _, data) in tensors.items()}
    specs = {
        name: TensorSpec(dtype=kind, shape=shape, data_ptr=arrays[name].ctypes.data, data_len=len(data))
        for name, (kind, shape, data) in tensors.items()
    }
    return bytes(serialize(specs, metadata))


def every_type(seed):
    random = np.random.default_rng(seed)
    tensors = {}
    for kind, size in TYPES.items():
        for number, shape in enumerate(SHAPES):
            if shape or kind != "float4_e2m1fn_x2":
                n_bytes = int(np.prod(shape)) * size
                tensors[f"{number}.{kind} ü"] = (kind, shape, random.bytes(n_bytes))
    return tensors


def copied(path, alignment):
    out = path.with_suffix(".out")
    subprocess.run([TOOL, path, out, str(alignment)], check=True)
    return out


def by_name(data):
    return {name: (entry["dtype"], entry["shape"], bytes(entry["data"])) for name, entry in deserialize(data)}


@pytest.mark.parametrize("metadata", [None, {"format": "pt"}, {'a"\\\b\f\n\r\t\x00\x1f\x7f/é🌊': "\u2028<>&"}])
def test_with_an_alignment_of_8_the_bytes_are_the_librarys(tmp_path, metadata):
    path = tmp_path / "in.safetensors"
    path.write_bytes(library_file(every_type(1), metadata))
    assert copied(path, 8).read_bytes() == path.read_bytes()


def test_no_tensors(tmp_path):
    path = tmp_path / "in.safetensors"
    path.write_bytes(library_file({}))
    assert copied(path, 8).read_bytes() == path.read_bytes()
    assert deserialize(copied(path, 64).read_bytes()) == []


def test_the_library_reads_what_we_write(tmp_path):
    path = tmp_path / "in.safetensors"
    path.write_bytes(library_file(every_type(2), {f"key {i}": f"value\n{i}" for i in range(20)}))
    out = copied(path, 64)
    data = out.read_bytes()
    assert by_name(data) == by_name(path.read_bytes())
    assert (8 + int.from_bytes(data[:8], "little")) % 64 == 0
    with safe_open(out, framework="numpy") as file:
        assert file.metadata() == {f"key {i}": f"value\n{i}" for i in range(20)}


def test_numpy_reads_the_same_arrays(tmp_path):
    random = np.random.default_rng(3)
    arrays = {f"t{i}": random.normal(size=(i, 33)).astype(dtype) for i, dtype in enumerate(["f2", "f4", "f8", "i4"])}
    path = tmp_path / "in.safetensors"
    names = {"f2": "float16", "f4": "float32", "f8": "float64", "i4": "int32"}
    path.write_bytes(
        library_file({n: (names[a.dtype.str[1:]], a.shape, a.tobytes()) for n, a in arrays.items()})
    )
    loaded = load_file(copied(path, 64))
    assert loaded.keys() == arrays.keys()
    for name, array in arrays.items():
        np.testing.assert_array_equal(loaded[name], array)
