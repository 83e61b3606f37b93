"""Our safetensors reader beside the library: the same tensors from the same files, and the same files refused."""

import json
import os
import pathlib
import random
import re
import resource
import struct
import subprocess

import ml_dtypes
import numpy as np
import pytest
from safetensors import SafetensorError, TensorSpec, deserialize, serialize
from safetensors_headers import HEADERS, STRICTER, TYPES, mutate, pack, random_header

ROOT = pathlib.Path(__file__).resolve().parents[2]
TOOL = pathlib.Path(os.environ.get("TIDEMILL_BUILD", ROOT / "build/release")) / "safetensors_dump_tool"
MEBIBYTE = 1 << 20
# Sanitizers reserve terabytes of address space, which a limit on it would refuse.
limits_address_space = pytest.mark.skipif(TOOL.parent.name in {"asan", "tsan"}, reason="built with a sanitizer")


def library_reads(data):
    try:
        deserialize(data)
        return True
    except SafetensorError:
        return False


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


@pytest.fixture(scope="module", name="ours")
def ask_ours(tmp_path_factory):
    """Many files at once: what our reader answers to each, "ok" or its message."""
    folder = tmp_path_factory.mktemp("files")

    def ask(files):
        names = []
        for number, data in enumerate(files):
            path = folder / f"{number}.safetensors"
            path.write_bytes(data)
            names.append(str(path))
        answer = subprocess.run([TOOL, "-"], input="\n".join(names), capture_output=True, text=True, check=True)
        lines = answer.stdout.splitlines()
        assert len(lines) == len(names)
        return lines

    return ask


def sum_of(data):
    total = 0
    for byte in data:
        total = (total * 31 + byte) % 2**64
    return total


# --- the same tensors ------------------------------------------------------------------------------------------------


def every_type(seed):
    """A file with each type in several shapes, in an order and at places that no writer would choose."""
    source = random.Random(seed)
    tensors = [(f"{kind} {shape}", kind, shape) for kind in TYPES for shape in ([4], [3, 8], [0, 4], [2, 1, 1, 1, 4])]
    tensors.append(("scalar ▁x", "I8", []))
    source.shuffle(tensors)
    header, data = {"__metadata__": {"a": "b", "ü\n\0": ""}}, b""
    for name, kind, shape in tensors:
        n_bytes = int(np.prod(shape)) * TYPES[kind] // 8
        header[name] = {"dtype": kind, "shape": shape, "data_offsets": [len(data), len(data) + n_bytes]}
        data += source.randbytes(n_bytes)
    return pack(json.dumps(header), data)


@pytest.mark.parametrize("seed", range(8))
def test_every_type_wherever_it_lies(tmp_path, seed):
    """Headers of eight lengths, so that data begin at every place modulo 8."""
    data = every_type(seed)
    length = struct.unpack("<Q", data[:8])[0]
    data = pack(data[8 : 8 + length] + b" " * seed, data[8 + length :])
    path = tmp_path / "types.safetensors"
    path.write_bytes(data)
    expected = {name: (t["dtype"], t["shape"], bytes(t["data"])) for name, t in deserialize(data)}
    found = dump(path)
    assert found["metadata"] == {"a": "b", "ü\n\0": ""}
    assert len(found["tensors"]) == len(expected)
    for tensor in found["tensors"]:
        kind, shape, content = expected[tensor["name"]]
        assert (tensor["type"], tensor["dims"], tensor["raw_sum"]) == (kind, shape, sum_of(content))
        if kind.startswith("F6_"):
            assert f"has dtype {kind}, which this build cannot read" in tensor["error"]
        else:
            assert (tensor["dtype"], tensor["shape"]) == (kind.lower(), shape)
            assert tensor["sum"] == sum_of(content)


def test_files_of_the_library(tmp_path):
    kinds = {"float32": "f4", "float16": "f2", "int64": "i8", "bool": "?", "uint8": "u1"}
    kinds["bfloat16"] = ml_dtypes.bfloat16
    source = np.random.default_rng(1)
    arrays = {f"{kind}.{n}": source.integers(0, 2, (n, 3)).astype(kinds[kind]) for kind in kinds for n in range(4)}
    specs = {
        name: TensorSpec(dtype=a.dtype.name, shape=a.shape, data_ptr=a.ctypes.data, data_len=a.nbytes)
        for name, a in arrays.items()
    }
    path = tmp_path / "library.safetensors"
    path.write_bytes(serialize(specs, {"format": "np"}))
    found = dump(path)
    assert found["metadata"] == {"format": "np"}
    assert {t["name"]: (t["shape"], t["sum"]) for t in found["tensors"]} == {
        name: (list(a.shape), sum_of(a.tobytes())) for name, a in arrays.items()
    }


# --- the same files refused ------------------------------------------------------------------------------------------


def test_ours_refuses_exactly_what_the_library_refuses(ours):
    files = [pack(header, data) for header, data in HEADERS]
    answers = ours(files)
    reads = [library_reads(file) for file in files]
    assert 50 < sum(reads) < len(reads) - 100  # both kinds are here
    different = [(HEADERS[i], answers[i]) for i in range(len(files)) if (answers[i] == "ok") != reads[i]]
    assert not different, different


@pytest.mark.parametrize("name", STRICTER)
def test_where_ours_is_stricter_on_purpose(ours, name):
    header, data, message = STRICTER[name]
    assert library_reads(pack(header, data))
    assert message in ours([pack(header, data)])[0]


@pytest.mark.parametrize(
    "data", [b"", b"\0" * 7, b"\0" * 8, struct.pack("<Q", 3) + b"{}", struct.pack("<Q", 2**64 - 1) + b"{}",
             struct.pack("<Q", 2**63) + b"{}", struct.pack("<Q", 100_000_001) + b"{}" + b" " * 99_999_999]
)  # fmt: skip
def test_lengths_that_cannot_be(tmp_path, data):
    assert not library_reads(data)
    path = tmp_path / "length.safetensors"
    path.write_bytes(data)
    refusal(path)


def test_the_longest_header(tmp_path):
    data = pack(b"{}" + b" " * 99_999_998)
    path = tmp_path / "long.safetensors"
    path.write_bytes(data)
    assert library_reads(data)
    assert dump(path) == {"metadata": {}, "tensors": []}


def is_stricter_case(answer):
    """A message of one of the rules of STRICTER, which the library does not have."""
    rules = r"does not begin with '\{'|occurs twice|is a list, expected an object|is an object, expected a"
    return re.search(rules, answer)


@pytest.mark.parametrize("seed", range(4))
def test_random_changes_to_headers(ours, seed):
    source = random.Random(seed)
    files = []
    for number in range(1500):
        header, size = random_header(source)
        for _ in range(number % 4):
            header = mutate(source, header)
        size = max(0, size + source.choice([0, 0, 0, 0, 0, 0, -1, 1]))
        is_latin = source.random() < 0.1 and all(ord(c) < 256 for c in header)  # often not UTF-8 then
        files.append(pack(header.encode("latin-1" if is_latin else "utf-8"), bytes(size)))
    answers = ours(files)
    different = []
    for file, answer in zip(files, answers):
        reads = library_reads(file)
        if reads != (answer == "ok") and not (reads and is_stricter_case(answer)):
            different.append((file, answer))
    assert not different, different[:5]
    assert 200 < answers.count("ok") < 1200


# --- hostile files cost little ---------------------------------------------------------------------------------------


def many(entries):
    return pack("{" + ",".join(entries) + "}")


HOSTILE = {
    "half a million empty tensors, then damage": lambda: many(
        [*(f'"{i:x}":{{"dtype":"U8","shape":[0],"data_offsets":[0,0]}}' for i in range(500_000)), "x"]
    ),
    "a shape of ten million": lambda: many(
        [f'"a":{{"dtype":"U8","shape":[{"1," * 10_000_000}1],"data_offsets":[0,2]}}']
    ),
    "offsets of ten million": lambda: many([f'"a":{{"dtype":"U8","data_offsets":[{"1," * 10_000_000}1]}}']),
    "ten million levels": lambda: many(['"a":{"x":' + "[" * 10_000_000]),
    "a million metadata entries": lambda: many(
        ['"__metadata__":{' + ",".join(f'"{i:x}":""' for i in range(1_500_000)) + "}", "x"]
    ),
    "a name of 20 MB": lambda: many(['"' + "n" * 20_000_000 + '":1']),
    "a number of 20 MB": lambda: many(['"a":{"x":' + "1" * 20_000_000 + "}"]),
    "a header that is not there": lambda: struct.pack("<Q", 100_000_000) + b"{}",
}


@limits_address_space
@pytest.mark.parametrize("name", HOSTILE)
def test_no_header_costs_more_than_ten_times_itself(tmp_path, name):
    path = tmp_path / "hostile.safetensors"
    path.write_bytes(HOSTILE[name]())
    # Address space, which the program, its libraries and the mapped file count in.
    refusal(path, memory_limit=10 * path.stat().st_size + 100 * MEBIBYTE)


def test_messages_hold_no_control_characters(tmp_path):
    path = tmp_path / "escape.safetensors"
    path.write_bytes(pack('{"bad\\u001b[31m\\n\\u0000' + "k" * 5000 + '":1}'))
    message = refusal(path)
    assert "is a number, expected an object" in message
    assert message.rstrip("\n").isprintable()
