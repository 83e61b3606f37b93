"""What the GGUF reader says of files that the `gguf` Python package wrote, and that damaged ones cost little memory."""

import json
import os
import pathlib
import resource
import struct
import subprocess

import numpy as np
import pytest
from gguf import GGML_QUANT_SIZES, GGMLQuantizationType, GGUFEndian, GGUFWriter, GGUFValueType

ROOT = pathlib.Path(__file__).resolve().parents[2]
TOOL = pathlib.Path(os.environ.get("TIDEMILL_BUILD", ROOT / "build/release")) / "gguf_dump_tool"
MEBIBYTE = 1 << 20
# Sanitizers reserve terabytes of address space, which a limit on it would refuse.
limits_address_space = pytest.mark.skipif(TOOL.parent.name in {"asan", "tsan"}, reason="built with a sanitizer")

SCALARS = {
    GGUFValueType.UINT8: 200, GGUFValueType.INT8: -100, GGUFValueType.UINT16: 60000, GGUFValueType.INT16: -30000,
    GGUFValueType.UINT32: 4000000000, GGUFValueType.INT32: -2000000000, GGUFValueType.UINT64: 2**64 - 1,
    GGUFValueType.INT64: -(2**62), GGUFValueType.FLOAT32: 0.15625, GGUFValueType.FLOAT64: 0.1,
    GGUFValueType.BOOL: True, GGUFValueType.STRING: "grüße\n漢字 🌊",
}  # fmt: skip
LISTS = {
    GGUFValueType.UINT8: [0, 255], GGUFValueType.INT8: [-128, 127], GGUFValueType.UINT16: [0, 65535],
    GGUFValueType.INT16: [-32768, 5], GGUFValueType.UINT32: [2**32 - 1], GGUFValueType.INT32: [-(2**31), 1, 2],
    GGUFValueType.UINT64: [2**63 - 1], GGUFValueType.INT64: [-(2**63)], GGUFValueType.FLOAT32: [0.5, -1.25],
    GGUFValueType.FLOAT64: [1e300, 0.1], GGUFValueType.BOOL: [True, False, True],
    GGUFValueType.STRING: ["", "a", "▁the"],
}  # fmt: skip
SHORT_NAMES = {"UINT": "u", "INT": "i", "FLOAT": "f", "BOOL": "bool", "STRING": "string"}
READABLE = (
    "F32 F16 BF16 F64 I64 I32 I16 I8 Q4_0 Q4_1 Q5_0 Q5_1 Q8_0 Q2_K Q3_K Q4_K Q5_K Q6_K IQ4_NL IQ4_XS MXFP4".split()
)
UNREADABLE = sorted({t.name for t in GGMLQuantizationType} - set(READABLE))


def run_tool(path, memory_limit=None):
    def limit():
        resource.setrlimit(resource.RLIMIT_AS, (memory_limit, memory_limit))

    return subprocess.run([TOOL, path], capture_output=True, text=True, preexec_fn=limit if memory_limit else None)


def dump(path):
    answer = run_tool(path)
    assert answer.returncode == 0, answer.stderr
    return json.loads(answer.stdout)


def refusal(path, memory_limit=None):
    answer = run_tool(path, memory_limit)
    assert answer.returncode == 3, (answer.returncode, answer.stderr)
    assert answer.stdout == ""
    assert answer.stderr.startswith("error: ") and answer.stderr.count("\n") == 1 and len(answer.stderr) <= 500
    return answer.stderr


def add_tensor(writer, name, rows, dtype, random):
    """Random bytes for `rows` rows of two blocks."""
    block_length, block_bytes = GGML_QUANT_SIZES[dtype]
    data = random.integers(0, 256, (rows, 2 * block_bytes), dtype=np.uint8)
    writer.add_tensor(name, data, raw_dtype=dtype)
    return {"name": name, "dtype": dtype.name.lower(), "shape": [rows, 2 * block_length], "sum": sum_of(data.tobytes())}


def sum_of(data):
    total = 0
    for byte in data:
        total = (total * 31 + byte) % 2**64
    return total


def finish(writer):
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def short_name(value_type):
    for long, short in SHORT_NAMES.items():
        if value_type.name.startswith(long):
            return short + value_type.name[len(long) :]
    raise AssertionError(value_type)


@pytest.fixture(name="sample")
def sample_file(tmp_path):
    """(path, expected metadata, expected tensors) of a file with every type of metadata and of tensor."""
    path = tmp_path / "sample.gguf"
    writer = GGUFWriter(path, "tiny")
    expected = {"general.architecture": "tiny"}
    for value_type, value in SCALARS.items():
        writer.add_key_value(f"scalar.{value_type.name}", value, value_type)
        expected[f"scalar.{value_type.name}"] = value
    for value_type, values in LISTS.items():
        key = f"list.{value_type.name}"
        writer.add_key_value(key, values, GGUFValueType.ARRAY, sub_type=value_type)
        is_text = value_type == GGUFValueType.STRING
        expected[key] = values if is_text else {"type": short_name(value_type), "values": values}
    random = np.random.default_rng(1)
    tensors = [add_tensor(writer, f"t.{name}", 3, GGMLQuantizationType[name], random) for name in READABLE]
    finish(writer)
    return path, expected, tensors


def test_every_metadata_and_tensor_type(sample):
    path, metadata, tensors = sample
    found = dump(path)
    assert found["version"] == 3
    assert found["metadata"] == metadata
    assert found["tensors"] == tensors


def test_version_2_has_the_same_layout(sample):
    path, metadata, tensors = sample
    data = bytearray(path.read_bytes())
    data[4:8] = struct.pack("<I", 2)
    path.write_bytes(data)
    found = dump(path)
    assert found["version"] == 2
    assert (found["metadata"], found["tensors"]) == (metadata, tensors)


def test_alignment_of_64(tmp_path):
    writer = GGUFWriter(tmp_path / "aligned.gguf", "tiny")
    writer.add_custom_alignment(64)
    random = np.random.default_rng(2)
    tensors = [add_tensor(writer, name, 1, GGMLQuantizationType.Q8_0, random) for name in ["a", "b", "c"]]
    finish(writer)
    assert dump(tmp_path / "aligned.gguf")["tensors"] == tensors


@pytest.mark.parametrize("shape", [(5,), (3, 5), (2, 3, 5), (7, 2, 3, 5)])
def test_shapes_are_those_of_numpy(tmp_path, shape):
    writer = GGUFWriter(tmp_path / "shape.gguf", "tiny")
    writer.add_tensor("t", np.zeros(shape, np.float32))
    finish(writer)
    assert dump(tmp_path / "shape.gguf")["tensors"][0]["shape"] == list(shape)


def test_a_model_split_by_the_writer(tmp_path):
    writer = GGUFWriter(tmp_path / "model.gguf", "tiny", split_max_tensors=2)
    random = np.random.default_rng(3)
    tensors = [add_tensor(writer, f"t{i}", 1, GGMLQuantizationType.F32, random) for i in range(5)]
    finish(writer)
    parts = sorted(tmp_path.glob("*.gguf"))
    assert [part.name for part in parts] == [f"model-0000{i}-of-00003.gguf" for i in (1, 2, 3)]
    found = dump(parts[0])
    assert found["tensors"] == tensors
    assert found["metadata"]["general.architecture"] == "tiny"
    assert "part 3 of 3 of a model; give the first part" in refusal(parts[2])
    parts[1].unlink()
    answer = run_tool(parts[0])
    assert answer.returncode != 0 and "part 2 of 3 of the model is missing" in answer.stderr


@pytest.mark.parametrize("name", UNREADABLE)
def test_other_tensor_types_are_named(tmp_path, name):
    dtype = GGMLQuantizationType[name]
    writer = GGUFWriter(tmp_path / "type.gguf", "tiny")
    add_tensor(writer, "blk.0.ffn_up.weight", 1, dtype, np.random.default_rng(4))
    finish(writer)
    assert f"tensor 'blk.0.ffn_up.weight' has type {dtype.value} ({name})" in refusal(tmp_path / "type.gguf")


def test_nested_lists_and_big_endian_files_are_refused_by_name(tmp_path):
    writer = GGUFWriter(tmp_path / "nested.gguf", "tiny")
    writer.add_array("nested", [[1, 2], [3]])
    finish(writer)
    assert "metadata 'nested' holds a list of lists" in refusal(tmp_path / "nested.gguf")
    writer = GGUFWriter(tmp_path / "big.gguf", "tiny", endianess=GGUFEndian.BIG)
    finish(writer)
    assert "big-endian" in refusal(tmp_path / "big.gguf")


def test_a_cut_file_is_refused_wherever_it_is_cut(sample):
    path, _, tensors = sample
    whole = path.read_bytes()
    # The writer pads after the last tensor; what is left of the padding is not missed.
    _, block_bytes = GGML_QUANT_SIZES[GGMLQuantizationType[tensors[-1]["dtype"].upper()]]
    needed = len(whole) - -(3 * 2 * block_bytes) % 32
    assert dump(path)
    for length in [*range(1, 64), *range(64, needed, 997), needed - 1]:
        path.write_bytes(whole[:length])
        refusal(path)
    path.write_bytes(whole[:needed])
    assert dump(path)["tensors"] == tensors


def test_messages_hold_no_control_characters(tmp_path):
    key = b"bad\x1b[31m\n\xff" + b"k" * 5000
    entry = struct.pack("<Q", len(key)) + key + struct.pack("<I", 99) + bytes(64)
    path = tmp_path / "escape.gguf"
    path.write_bytes(b"GGUF" + struct.pack("<IQQ", 3, 0, 1) + entry)
    message = refusal(path)
    assert "value type 99 does not exist" in message
    assert message.rstrip("\n").isprintable()


def header(n_tensors, n_entries):
    return b"GGUF" + struct.pack("<IQQ", 3, n_tensors, n_entries)


def many_strings(n_said, n_bytes):
    entry = struct.pack("<Q", 1) + b"k" + struct.pack("<IIQ", 9, 8, n_said)
    return header(0, 1) + entry + bytes(n_bytes)


def many_entries(n_said, n_entries):
    keys = (struct.pack("<Q", 8) + b"%08d" % i + struct.pack("<IB", 0, 1) for i in range(n_entries))
    return header(0, n_said) + b"".join(keys)


def many_tensors(n_said, n_tensors):
    infos = (struct.pack("<Q", 8) + b"%08d" % i + struct.pack("<IQIQ", 1, 1, 24, 32 * i) for i in range(n_tensors))
    return header(n_said, 0) + b"".join(infos)


def all_limits_at_once():
    """As much as the reader takes before the last tensor proves to be cut."""
    strings = struct.pack("<Q", 1) + b"k" + struct.pack("<IIQ", 9, 8, 2**21) + bytes(8 * 2**21)
    return header(2**16, 2**15) + strings + many_entries(0, 2**15 - 1)[24:] + many_tensors(0, 2**16)[24:]


HOSTILE = {
    "2^60 strings in a short file": lambda: many_strings(2**60, 100),
    "20 million empty strings": lambda: many_strings(20_000_000, 160_000_000),
    "2^60 entries": lambda: many_entries(2**60, 100),
    "a million entries": lambda: many_entries(1_000_000, 1_000_000),
    "2^60 tensors": lambda: many_tensors(2**60, 100),
    "a million tensors": lambda: many_tensors(1_000_000, 1_000_000),
    "every limit at once": all_limits_at_once,
}


@limits_address_space
@pytest.mark.parametrize("name", HOSTILE)
def test_no_file_costs_100_mb_besides_itself(tmp_path, name):
    path = tmp_path / "hostile.gguf"
    path.write_bytes(HOSTILE[name]())
    # Address space, which the program, its libraries and the mapped file count in.
    refusal(path, memory_limit=path.stat().st_size + 100 * MEBIBYTE)


@limits_address_space
def test_the_memory_limit_of_these_tests_holds(sample):
    path, _, _ = sample
    assert run_tool(path, memory_limit=100 * MEBIBYTE).returncode == 0
    assert run_tool(path, memory_limit=4 * MEBIBYTE).returncode != 0
