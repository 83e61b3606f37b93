"""`tidemill delta` with wrong bases, damaged and hostile files, full disks and kills: one line, and nothing half done."""

import json
import os
import resource
import signal
import struct
import subprocess
import time

import numpy as np
import pytest
import zstandard
from model_pairs import entry, nudged, weights, write_safetensors


def expect_error(done, status, *fragments):
    assert done.returncode == status, (done.returncode, done.stderr)
    assert done.stderr.startswith("error: ") and done.stderr.count("\n") == 1 and len(done.stderr) <= 500, done.stderr
    for fragment in fragments:
        assert fragment in done.stderr, done.stderr


@pytest.fixture(scope="module")
def pair(tidemill, tmp_path_factory):
    """base, tuned and delta of a small model."""
    folder = tmp_path_factory.mktemp("pair")
    rng = np.random.default_rng(3)
    base = {"a": weights(rng, (100, 384)), "b": weights(rng, (700, 384))}
    tuned = {name: nudged(rng, array) for name, array in base.items()} | {"new": weights(rng, (10, 10))}
    for kind, tensors in [("base", base), ("tuned", tuned)]:
        write_safetensors(folder / f"{kind}.safetensors", {n: entry(a) for n, a in tensors.items()}, {"format": "pt"})
    delta = folder / "tuned.tmdelta"
    tidemill.json("delta", "make", folder / "base.safetensors", folder / "tuned.safetensors", delta)
    return folder / "base.safetensors", folder / "tuned.safetensors", delta


def read_container(path):
    content = path.read_bytes()
    (n_header,) = struct.unpack_from("<Q", content)
    header = json.loads(content[8 : 8 + n_header])
    metadata = header.pop("__metadata__")
    data = content[8 + n_header :]
    return metadata, {name: data[slice(*entry["data_offsets"])] for name, entry in header.items()}


def write_container(path, metadata, tensors):
    entries = {
        name: ("U32", (len(data) // 4,), data) if name == "lengths" else ("U8", (len(data),), data)
        for name, data in tensors.items()
    }
    return write_safetensors(path, entries, metadata)


def plan_of(tensors):
    text = zstandard.ZstdDecompressor().decompressobj().decompress(tensors["plan"])
    return [json.loads(line) for line in text.splitlines()]


def packed_plan(lines):
    return zstandard.ZstdCompressor().compress("".join(json.dumps(line) + "\n" for line in lines).encode())


@pytest.mark.parametrize(
    "words, status, fragments",
    [
        (["delta"], 2, ["nothing to do"]),
        (["delta", "mkae"], 2, ["did you mean 'make'"]),
        (["delta", "make", "BASE", "TUNED"], 2, ["delta make: takes"]),
        (["delta", "apply", "BASE", "DELTA"], 2, ["delta apply: takes"]),
        (["delta", "verify", "BASE"], 2, ["delta verify: takes"]),
        (["delta", "info"], 2, ["delta info: takes"]),
        (["delta", "make", "missing", "TUNED", "OUT/x.tmdelta"], 3, ["missing", "no such file"]),
        (["delta", "make", "BASE", "TUNED", "OUT/no/x.tmdelta"], 3, ["make the folder first"]),
        (["delta", "make", "BASE", "DELTA/x", "OUT/x.tmdelta"], 3, ["no such file"]),
        (["delta", "apply", "TUNED", "DELTA", "OUT/x"], 3, ["not the base of", "bytes"]),
        (["delta", "apply", "BASE", "TUNED", "OUT/x"], 3, ["not a delta"]),
        (["delta", "apply", "BASE", "DELTA", "OUT"], 2, ["is a folder"]),
        (["delta", "apply", "BASE", "DELTA", "OUT/no/x"], 3, ["make the folder first"]),
        (["delta", "apply", "BASE", "DELTA", "DELTA", "OUT/x"], 3, ["not the base of"]),
        (["delta", "info", "BASE"], 3, ["not a delta"]),
    ],
)
def test_what_cannot_be_done_is_refused(tidemill, tmp_path, pair, words, status, fragments):
    base, tuned, delta = map(str, pair)
    names = {"BASE": base, "TUNED": tuned}
    words = [names.get(w, w.replace("DELTA", delta).replace("OUT", str(tmp_path))) for w in words]
    expect_error(tidemill.run(*words), status, *fragments)
    assert list(tmp_path.iterdir()) == []


def test_a_base_of_the_same_size_with_another_bit_is_refused(tidemill, tmp_path, pair):
    base, _, delta = pair
    content = bytearray(base.read_bytes())
    content[-1000] ^= 1
    other = tmp_path / "other.safetensors"
    other.write_bytes(bytes(content))
    for words in [("apply", other, delta, tmp_path / "out"), ("verify", other, delta)]:
        expect_error(tidemill.run("delta", *words), 3, "not the base of", "base.safetensors", "hash")
    assert [path.name for path in tmp_path.iterdir()] == ["other.safetensors"]


def test_every_damage_is_found(tidemill, tmp_path, pair):
    base, _, delta = pair
    whole = delta.read_bytes()
    rng = np.random.default_rng(5)
    out = tmp_path / "out.safetensors"
    damaged = tmp_path / "damaged.tmdelta"
    cases = [whole[:n] for n in (1, 7, 8, 100, len(whole) // 2, len(whole) - 1)] + [whole + b"\0"]
    for place in [0, 5, 9, 60, *rng.integers(0, len(whole), 40)]:
        flipped = bytearray(whole)
        flipped[place] ^= 1 << int(rng.integers(0, 8))
        cases.append(bytes(flipped))
    for content in cases:
        damaged.write_bytes(content)
        done = tidemill.run("delta", "apply", base, damaged, out)
        if done.returncode == 0:  # a bit of a space in the header, or of a key that readers ignore
            assert out.read_bytes() == pair[1].read_bytes()
            out.unlink()
        else:
            expect_error(done, 3, "damaged.tmdelta")
        assert [path.name for path in tmp_path.iterdir()] == ["damaged.tmdelta"]


def changed_file(**fields):
    return lambda lines: lines[1].update(fields)


def changed_part(index, **fields):
    def change(lines):
        lines[index + 2].update(fields)

    return change


@pytest.mark.parametrize(
    "change, fragment",
    [
        (changed_file(file="../evil"), "no name of a file"),
        (changed_file(file="/etc/evil"), "no name of a file"),
        (changed_file(file="a/../../evil"), "no name of a file"),
        (changed_file(file="a\\evil"), "no name of a file"),
        (changed_file(file=""), "no name of a file"),
        (changed_file(file="a\nb"), "no name of a file"),
        (changed_file(bytes=2**63), "at most"),
        (changed_file(bytes=-1), "no whole number"),
        (changed_file(bytes=10), "at most"),
        (changed_file(hash="00"), "32 digits"),
        (changed_part(1, base=[0, 2**63]), "at most"),
        (changed_part(1, base=[0, 600000]), "past the end"),
        (changed_part(1, base=[1, 0]), "at most"),
        (changed_part(1, base=[0]), "'base'"),
        (changed_part(1, base="x"), "'base'"),
        (changed_part(1, code="copy", base=None), "'base'"),
        (changed_part(1, code="zip"), "does not know"),
        (changed_part(1, code="packed"), "'base'"),
        (changed_part(1, bytes=2**62), "at most"),
        (changed_part(1, bytes=76798), "lack"),
        (changed_part(1, code="copy"), "codes"),
        (changed_part(1, shape=[1] * 9), "'shape'"),
        (changed_part(1, shape=[-1]), "no whole number"),
        (changed_part(1, tensor=5), "no text"),
        (lambda lines: lines[0].update(base_files=5), "no list"),
        (lambda lines: lines[0].update(base="disk"), "neither"),
        (lambda lines: lines[0]["base_files"][0].update(name="../x"), "no name of a file"),
        (lambda lines: lines[0]["base_files"].append(lines[0]["base_files"][0]), "several"),
        (lambda lines: lines.pop(1), "before the first file"),
        (lambda lines: lines.append(lines[1]), "several"),
        (lambda lines: lines.clear(), "plan"),
        (lambda lines: lines.insert(0, []), "no object"),
        (lambda lines: lines.__setitem__(0, "x" * 5_000_000), "plan"),
    ],
)
def test_a_plan_that_breaks_a_rule_is_refused(tidemill, tmp_path, pair, change, fragment):
    metadata, tensors = read_container(pair[2])
    lines = plan_of(tensors)
    change(lines)
    bad = write_container(tmp_path / "bad.tmdelta", metadata, tensors | {"plan": packed_plan(lines)})
    for words in [("info", bad), ("apply", pair[0], bad, tmp_path / "out")]:
        expect_error(tidemill.run("delta", *words), 3, "bad.tmdelta", fragment)
    assert [path.name for path in tmp_path.iterdir()] == ["bad.tmdelta"]


def test_folders_do_not_leave_their_folder(tidemill, tmp_path):
    """Names of a folder's files are checked, also where one is a folder of another."""
    rng = np.random.default_rng(3)
    for kind in ("base", "tuned"):
        write_safetensors(tmp_path / kind / "sub/model.safetensors", {"a": entry(weights(rng, (10, 10)))})
        (tmp_path / kind / "config.json").write_text("{}")
    delta = tmp_path / "d.tmdelta"
    tidemill.json("delta", "make", tmp_path / "base", tmp_path / "tuned", delta)
    metadata, tensors = read_container(delta)
    for old, new, fragment in [
        ("config.json", "../config.json", "no name"),
        ("config.json", "sub", "folder that is a file"),
        ("config.json", "sub/model.safetensors", "twice"),
        ("config.json", "sub/./x", "no name"),
        ("config.json", "x" * 2000, "no name"),
    ]:
        lines = plan_of(tensors)
        for line in lines:
            if line.get("file") == old:
                line["file"] = new
        bad = write_container(tmp_path / "bad.tmdelta", metadata, tensors | {"plan": packed_plan(lines)})
        expect_error(tidemill.run("delta", "apply", tmp_path / "base", bad, tmp_path / "out"), 3, "bad.tmdelta", fragment)
        assert not (tmp_path / "out").exists()


def test_containers_that_break_a_rule_are_refused(tidemill, tmp_path, pair):
    metadata, tensors = read_container(pair[2])
    lengths = np.frombuffer(tensors["lengths"], np.uint32)
    larger = lengths.copy()
    larger[0] = 2**32 - 1
    cases = [
        (metadata | {"format": "x"}, {}, "not a delta"),
        (metadata | {"version": "2"}, {}, "update tidemill"),
        ({"format": "tmdelta", "version": "1"}, {}, "mode"),
        (metadata, {"lengths": larger.tobytes()}, "add up"),
        (metadata, {"lengths": lengths[:-1].tobytes()}, "codes"),
        (metadata, {"lengths": lengths.tobytes() + bytes(4)}, "codes"),
        (metadata, {"codes": tensors["codes"] + bytes(8)}, "add up"),
        (metadata, {"plan": b""}, "unpacked"),
        (metadata, {"plan": b"plan"}, "unpacked"),
        # A zstd bomb: 100 MB of text in some kilobytes.
        (metadata, {"plan": zstandard.ZstdCompressor().compress(b" " * 100_000_000)}, "unpacked"),
    ]
    for changed_metadata, changed_tensors, fragment in cases:
        bad = write_container(tmp_path / "bad.tmdelta", changed_metadata, tensors | changed_tensors)
        expect_error(tidemill.run("delta", "info", bad), 3, "bad.tmdelta", fragment)
    for name in tensors:
        bad = write_container(tmp_path / "bad.tmdelta", metadata, {n: d for n, d in tensors.items() if n != name})
        expect_error(tidemill.run("delta", "info", bad), 3, "bad.tmdelta", f"'{name}' is missing")


def test_damaged_models_are_refused(tidemill, tmp_path, pair):
    base, tuned, _ = pair
    bad = tmp_path / "bad.safetensors"
    bad.write_bytes(tuned.read_bytes()[:-1])
    expect_error(tidemill.run("delta", "make", base, bad, tmp_path / "x.tmdelta"), 3, "bad.safetensors")
    expect_error(tidemill.run("delta", "make", bad, tuned, tmp_path / "x.tmdelta"), 3, "bad.safetensors")
    assert [path.name for path in tmp_path.iterdir()] == ["bad.safetensors"]


@pytest.mark.parametrize("command", ["make", "apply", "rebase"])
def test_a_full_disk_is_an_error_and_leaves_nothing(tidemill, tmp_path, pair, command):
    """A limit on the size of files fails as a full disk does, at any byte."""
    base, tuned, delta = pair
    out = tmp_path / "out"
    words = ["delta", command, base, tuned if command == "make" else delta, out]
    assert tidemill.run(*words).returncode == 0
    whole = out.read_bytes()
    for limit in [0, 100, 4096, len(whole) // 2, len(whole) - 1]:
        done = subprocess.run(
            [tidemill.program, *words],
            capture_output=True,
            text=True,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)),
        )
        expect_error(done, 1, "out", "free space")
        assert [path.name for path in tmp_path.iterdir()] == ["out"] and out.read_bytes() == whole


@pytest.fixture(scope="module")
def large_pair(tidemill, tmp_path_factory):
    """A pair that takes long enough to be interrupted, and its delta."""
    folder = tmp_path_factory.mktemp("large")
    rng = np.random.default_rng(3)
    base = rng.integers(0, 256, 48 << 20, dtype=np.uint8)
    (folder / "base.bin").write_bytes(base.tobytes())
    (folder / "tuned.bin").write_bytes((base ^ rng.integers(0, 256, base.size, dtype=np.uint8)).tobytes())
    tidemill.json("delta", "make", folder / "base.bin", folder / "tuned.bin", folder / "d.tmdelta")
    return folder


@pytest.mark.parametrize("how, status", [(signal.SIGKILL, -signal.SIGKILL), (signal.SIGINT, 130), (signal.SIGTERM, 130)])
@pytest.mark.parametrize("command", ["make", "apply", "rebase"])
def test_work_that_is_ended_leaves_no_file_of_that_name(tidemill, tmp_path, large_pair, command, how, status):
    out = tmp_path / "out"
    source = large_pair / ("tuned.bin" if command == "make" else "d.tmdelta")
    process = subprocess.Popen(
        [tidemill.program, "delta", command, large_pair / "base.bin", source, out], stderr=subprocess.PIPE, text=True
    )
    while process.poll() is None and not any(tmp_path.glob(".tidemill-*")):
        time.sleep(0.0002)
    if process.poll() is not None or out.exists():
        pytest.skip("it was done before it could be stopped")
    os.kill(process.pid, how)
    _, stderr = process.communicate(timeout=60)
    if process.returncode == 0:
        pytest.skip("it was done before it could be stopped")
    assert process.returncode == status, stderr
    assert not out.exists()
    if how != signal.SIGKILL:
        assert stderr.startswith("error: ") and list(tmp_path.iterdir()) == []
