"""`tidemill delta`: what is restored is what was there, byte for byte, whatever it was."""

import json
import os
import shutil
import subprocess
import sys

import numpy as np
import pytest
import safetensors
from model_pairs import BITS, ROOT, changed_bytes, entry, nudged, random_bytes, weights, write_safetensors


def rng_of(seed=7):
    return np.random.default_rng(seed)


def round_trip(tidemill, base, tuned, folder, *options):
    """Makes a delta, verifies and applies it; returns what `info` says."""
    delta, out = folder / "made.tmdelta", folder / ("out" + tuned.suffix)
    made = tidemill.json("delta", "make", base, tuned, delta, *options)
    assert made["delta_bytes"] == delta.stat().st_size
    assert tidemill.json("delta", "verify", base, delta, *options)["bytes"] == made["bytes"]
    tidemill.json("delta", "apply", base, delta, out, *options)
    assert_same(tuned, out)
    info = tidemill.json("delta", "info", delta)
    assert info["ratio"] == pytest.approx(made["bytes"] / made["delta_bytes"])
    if out.is_dir():
        shutil.rmtree(out)
    return info


def assert_same(expected, found):
    if expected.is_file():
        assert found.read_bytes() == expected.read_bytes()
        return
    names = sorted(path.relative_to(expected) for path in expected.rglob("*") if path.is_file())
    assert sorted(path.relative_to(found) for path in found.rglob("*") if path.is_file()) == names
    for name in names:
        assert (found / name).read_bytes() == (expected / name).read_bytes(), name


def against(info):
    return {tensor["name"]: tensor["against"] for tensor in info["tensors"]}


def test_a_fine_tune_is_small_and_comes_back(tidemill, tmp_path):
    rng = rng_of()
    base = {f"layers.{i}.weight": weights(rng, (256, 384)) for i in range(6)}
    tuned = {name: nudged(rng, array) for name, array in base.items()}
    tuned["layers.3.weight"] = base["layers.3.weight"]
    write_safetensors(tmp_path / "base.safetensors", {name: entry(a) for name, a in base.items()}, {"format": "pt"})
    write_safetensors(tmp_path / "tuned.safetensors", {name: entry(a) for name, a in tuned.items()}, {"format": "pt"})
    info = round_trip(tidemill, tmp_path / "base.safetensors", tmp_path / "tuned.safetensors", tmp_path)
    assert info["mode"] == "lossless" and info["kind"] == "file"
    assert [(t["name"], t["dtype"], t["shape"]) for t in info["tensors"]] == [(n, "bf16", [256, 384]) for n in tuned]
    assert {t["name"]: t["coded_bytes"] for t in info["tensors"]}["layers.3.weight"] == 0
    assert all(t["against"] == t["name"] for t in info["tensors"])


@pytest.mark.parametrize("dtype", BITS)
def test_every_element_type_with_any_bits(tidemill, tmp_path, dtype):
    rng = rng_of(len(dtype))
    data = {"odd": random_bytes(rng, dtype, 24 * 40), "empty": b"", "large": random_bytes(rng, dtype, 384 * 1000)}
    shapes = {"odd": (24, 40), "empty": (0, 8), "large": (1000, 384)}
    base = {name: (dtype, shapes[name], content) for name, content in data.items()}
    tuned = {name: (d, s, changed_bytes(rng, content)) for name, (d, s, content) in base.items()}
    write_safetensors(tmp_path / "base.safetensors", base)
    write_safetensors(tmp_path / "tuned.safetensors", tuned)
    info = round_trip(tidemill, tmp_path / "base.safetensors", tmp_path / "tuned.safetensors", tmp_path)
    assert [t["dtype"] for t in info["tensors"]] == [dtype.lower()] * 3
    assert info["delta_bytes"] < info["bytes"] * 1.002 + 2000


def test_special_numbers(tidemill, tmp_path):
    bits = np.array([0x7FC00001, 0xFFC12345, 0x7F800000, 0xFF800000, 0x80000000, 0, 1, 0x807FFFFF, 0x3F800000], np.uint32)
    base = np.repeat(bits, bits.size).reshape(bits.size, bits.size)
    write_safetensors(tmp_path / "base.safetensors", {"w": ("F32", base.shape, base.tobytes())})
    write_safetensors(tmp_path / "tuned.safetensors", {"w": ("F32", base.shape, base.T.tobytes())})
    round_trip(tidemill, tmp_path / "base.safetensors", tmp_path / "tuned.safetensors", tmp_path)


def test_headers_orders_and_padding_are_kept(tidemill, tmp_path):
    """Also tensors that do not begin at a multiple of their element size."""
    rng = rng_of()
    base = {name: entry(weights(rng, (100, 300), "F32"), "F32") for name in "abcd"}
    tuned = {name: base[name] for name in "dbca"}
    write_safetensors(tmp_path / "base.safetensors", base, {"format": "pt"})
    for padding, indent, metadata in [(0, None, None), (3, 2, {"z": "1", "a": "ü"}), (61, None, {})]:
        write_safetensors(tmp_path / "tuned.safetensors", tuned, metadata, padding, indent)
        info = round_trip(tidemill, tmp_path / "base.safetensors", tmp_path / "tuned.safetensors", tmp_path)
        assert [t["name"] for t in info["tensors"]] == list("dbca")
        assert {t["coded_bytes"] for t in info["tensors"]} == {0} and info["delta_bytes"] < 2500


def test_renamed_tensors_are_found_by_their_content(tidemill, tmp_path):
    rng = rng_of()
    base = {f"model.layers.{i}.w": weights(rng, (128, 256)) for i in range(8)}
    base["model.embed"] = weights(rng, (500, 256))
    tuned = {f"blocks.{7 - i}.proj": nudged(rng, array) for i, array in enumerate(base.values()) if i < 8}
    tuned |= {"model.embed": base["model.embed"], "lm_head": nudged(rng, base["model.embed"])}
    write_safetensors(tmp_path / "base.safetensors", {n: entry(a) for n, a in base.items()})
    write_safetensors(tmp_path / "tuned.safetensors", {n: entry(a) for n, a in tuned.items()})
    found = against(round_trip(tidemill, tmp_path / "base.safetensors", tmp_path / "tuned.safetensors", tmp_path))
    assert {name: found[name] for name in found if name.startswith("blocks")} == {
        f"blocks.{7 - i}.proj": f"model.layers.{i}.w" for i in range(8)
    }
    assert found["lm_head"] == found["model.embed"] == "model.embed"


def test_added_missing_and_reshaped_tensors_and_other_types(tidemill, tmp_path):
    rng = rng_of()
    shared = weights(rng, (64, 96))
    base = {"kept": entry(shared), "gone": entry(weights(rng, (10, 10))), "typed": entry(shared)}
    tuned = {
        "kept": ("BF16", (96, 64), nudged(rng, shared).tobytes()),
        "new": entry(weights(rng, (33, 77), scale=3)),
        "typed": entry(shared.astype(np.float32), "F32"),
        "scalar": ("F32", (), b"\0\1\2\3"),
    }
    write_safetensors(tmp_path / "base.safetensors", base)
    write_safetensors(tmp_path / "tuned.safetensors", tuned)
    info = round_trip(tidemill, tmp_path / "base.safetensors", tmp_path / "tuned.safetensors", tmp_path)
    assert against(info) == {"kept": "kept", "new": None, "typed": None, "scalar": None}


@pytest.mark.parametrize("n_rows", [900, 1100])
def test_a_vocabulary_that_grew_or_shrank(tidemill, tmp_path, n_rows):
    rng = rng_of()
    base, extra = weights(rng, (1000, 384)), weights(rng, (100, 384))
    tuned = nudged(rng, np.concatenate([base, extra])[:n_rows], share=0.02)
    write_safetensors(tmp_path / "base.safetensors", {"embed": entry(base)})
    write_safetensors(tmp_path / "tuned.safetensors", {"embed": entry(tuned)})
    info = round_trip(tidemill, tmp_path / "base.safetensors", tmp_path / "tuned.safetensors", tmp_path)
    assert info["tensors"][0]["shape"] == [n_rows, 384] and info["tensors"][0]["against"] == "embed"
    assert info["tensors"][0]["bytes"] == tuned.nbytes


def sharded(rng, folder, tensors, n_shards):
    """A folder as transformers writes it, with a folder below it and an empty file."""
    names = list(tensors)
    index = {"metadata": {"total_size": 1}, "weight_map": {}}
    for shard in range(n_shards):
        name = f"model-{shard + 1:05}-of-{n_shards:05}.safetensors"
        part = {n: entry(tensors[n]) for n in names[shard::n_shards]}
        write_safetensors(folder / name, part, {"format": "pt"})
        index["weight_map"] |= dict.fromkeys(part, name)
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    (folder / "config.json").write_text(json.dumps({"vocab_size": 1000, "note": "x" * 300}))
    (folder / "tokenizer.json").write_text(json.dumps({str(i): int(v) for i, v in enumerate(rng.integers(0, 9999, 30000))}))
    (folder / "1_Pooling").mkdir(exist_ok=True)
    (folder / "1_Pooling/config.json").write_text('{"pooling": "mean"}')
    (folder / "empty.txt").write_bytes(b"")
    return folder


def test_folders_of_shards_with_all_their_files(tidemill, tmp_path):
    rng = rng_of()
    base = {f"layers.{i}.weight": weights(rng, (128, 200)) for i in range(9)}
    tuned = {name: nudged(rng, array) for name, array in base.items()}
    sharded(rng_of(1), tmp_path / "base", base, 2)
    sharded(rng_of(1), tmp_path / "tuned", tuned, 3)
    (tmp_path / "tuned/config.json").write_text(json.dumps({"vocab_size": 1000, "note": "x" * 299}))
    (tmp_path / "tuned/README.md").write_text("# A fine-tune\n" * 50)
    info = round_trip(tidemill, tmp_path / "base", tmp_path / "tuned", tmp_path)
    assert info["kind"] == "folder" and len(info["files"]) == 9
    assert all(t["against"] == t["name"] for t in info["tensors"]) and len(info["tensors"]) == 9
    # A vocabulary that has not changed costs nothing.
    assert info["delta_bytes"] < sum(t["coded_bytes"] for t in info["tensors"]) + 6000


def test_a_file_against_a_folder_and_the_reverse(tidemill, tmp_path):
    rng = rng_of()
    base = {f"layers.{i}.weight": weights(rng, (128, 200)) for i in range(4)}
    tuned = {name: nudged(rng, array) for name, array in base.items()}
    folder = sharded(rng, tmp_path / "folder", base, 2)
    single = write_safetensors(tmp_path / "tuned.safetensors", {n: entry(a) for n, a in tuned.items()})
    for one, other in [(folder, single), (single, folder)]:
        info = round_trip(tidemill, one, other, tmp_path)
        assert all(t["against"] == t["name"] for t in info["tensors"])


def test_links_as_in_the_cache_of_hugging_face(tidemill, tmp_path):
    rng = rng_of()
    array = weights(rng, (128, 200))
    for kind, content in [("base", array), ("tuned", nudged(rng, array))]:
        write_safetensors(tmp_path / f"blobs/{kind}", {"w": entry(content)})
        (tmp_path / kind).mkdir()
        (tmp_path / kind / "model.safetensors").symlink_to(tmp_path / f"blobs/{kind}")
    info = round_trip(tidemill, tmp_path / "base", tmp_path / "tuned", tmp_path)
    assert against(info) == {"w": "w"}


def test_gguf_with_quantised_blocks(tidemill, tmp_path, tiny_model):
    gguf = pytest.importorskip("gguf")
    content = bytearray(tiny_model.read_bytes())
    reader = gguf.GGUFReader(tiny_model)
    for tensor in reader.tensors[::3]:
        place = tensor.data_offset + int(tensor.n_bytes) // 2
        content[place] ^= 0x11
    tuned = tmp_path / "tuned.gguf"
    tuned.write_bytes(bytes(content))
    info = round_trip(tidemill, tiny_model, tuned, tmp_path)
    assert [t["name"] for t in info["tensors"]] == [t.name for t in sorted(reader.tensors, key=lambda t: t.data_offset)]
    assert sum(t["coded_bytes"] > 0 for t in info["tensors"]) == len(reader.tensors[::3])


def test_files_that_are_no_models(tidemill, tmp_path):
    rng = rng_of()
    base, tuned = tmp_path / "base.bin", tmp_path / "tuned.bin"
    for n_bytes in [1, 1000, 5 << 20, 17 << 20]:
        base.write_bytes(rng.integers(0, 256, n_bytes, dtype=np.uint8).tobytes())
        tuned.write_bytes(changed_bytes(rng, base.read_bytes(), 0.001))
        info = round_trip(tidemill, base, tuned, tmp_path)
        assert info["tensors"] == [] and info["delta_bytes"] < n_bytes * 1.001 + 2000


def test_the_container_is_a_safetensors_file(tidemill, tmp_path):
    rng = rng_of()
    array = weights(rng, (128, 200))
    write_safetensors(tmp_path / "base.safetensors", {"w": entry(array)})
    write_safetensors(tmp_path / "tuned.safetensors", {"w": entry(nudged(rng, array))})
    tidemill.json("delta", "make", tmp_path / "base.safetensors", tmp_path / "tuned.safetensors", tmp_path / "d.tmdelta")
    with safetensors.safe_open(tmp_path / "d.tmdelta", "numpy") as file:
        assert file.metadata() == {"format": "tmdelta", "version": "1", "mode": "lossless"}
        assert sorted(file.keys()) == ["codes", "lengths", "plan"]
        total = int(file.get_tensor("lengths").sum())
        assert total <= file.get_tensor("codes").size < total + 8


def test_the_same_delta_whatever_the_threads(tidemill, tmp_path):
    rng = rng_of()
    base = {f"layers.{i}.weight": weights(rng, (512, 700)) for i in range(5)}
    for kind, tensors in [("base", base), ("tuned", {n: nudged(rng, a) for n, a in base.items()})]:
        write_safetensors(tmp_path / f"{kind}.safetensors", {n: entry(a) for n, a in tensors.items()})
    made = []
    for threads in [1, 2, 5]:
        out = tmp_path / f"{threads}.tmdelta"
        tidemill.json("delta", "make", tmp_path / "base.safetensors", tmp_path / "tuned.safetensors", out, "--threads", threads)
        made.append(out.read_bytes())
    assert made[0] == made[1] == made[2]
    for threads in [1, 3]:
        tidemill.json("delta", "apply", tmp_path / "base.safetensors", out, tmp_path / "out.safetensors", "--threads", threads)
        assert_same(tmp_path / "tuned.safetensors", tmp_path / "out.safetensors")


def test_chains(tidemill, tmp_path):
    rng = rng_of()
    arrays = [weights(rng, (300, 500))]
    for _ in range(3):
        arrays.append(nudged(rng, arrays[-1]))
    files = [write_safetensors(tmp_path / f"{i}.safetensors", {"w": entry(a)}) for i, a in enumerate(arrays)]
    deltas = []
    for i in range(3):
        deltas.append(tmp_path / f"{i}.tmdelta")
        tidemill.json("delta", "make", files[i], files[i + 1], deltas[-1])
    tidemill.json("delta", "apply", files[0], *deltas, tmp_path / "out.safetensors")
    assert_same(files[3], tmp_path / "out.safetensors")
    done = tidemill.run("delta", "verify", files[0], deltas[0], deltas[2])
    assert done.returncode == 3 and "not the base of" in done.stderr


def test_a_real_model_with_changed_weights(tidemill, tmp_path):
    model = ROOT / "tests/golden/models"
    folders = [folder for folder in sorted(model.iterdir()) if (folder / "model.safetensors").exists()]
    if not folders:
        pytest.skip("no golden model in safetensors")
    tuned = shutil.copytree(folders[0], tmp_path / "tuned")
    content = bytearray((tuned / "model.safetensors").read_bytes())
    for place in range(len(content) // 2, len(content), 997):
        content[place] ^= 1
    (tuned / "model.safetensors").write_bytes(bytes(content))
    info = round_trip(tidemill, folders[0], tuned, tmp_path)
    assert all(t["against"] == t["name"] for t in info["tensors"])


def test_the_decoder_beside_the_specification_restores_the_same(tidemill, tmp_path, monkeypatch):
    """Every kind of part; the decoder knows the page alone."""
    monkeypatch.syspath_prepend(ROOT / "docs/formats")
    import delta_decoder

    rng = rng_of()
    base = {"a": weights(rng, (96, 64)), "v": weights(rng, (300, 16)), "same": weights(rng, (7, 9)), "long": weights(rng, (2, 40000))}
    tuned = {name: nudged(rng, array) for name, array in base.items() if name != "same"}
    tuned |= {"renamed": base["same"], "v": np.concatenate([tuned["v"], weights(rng, (20, 16))])}
    for kind, tensors in [("base", base), ("tuned", tuned)]:
        sharded(rng_of(1), tmp_path / kind, tensors, 2)
        (tmp_path / kind / "vocab.txt").write_text("".join(f"{kind if i % 1000 == 0 else 'word'}{i}\n" for i in range(9000)))
    tidemill.json("delta", "make", tmp_path / "base", tmp_path / "tuned", tmp_path / "d.tmdelta")
    restored = dict(delta_decoder.restored_files(tmp_path / "base", tmp_path / "d.tmdelta"))
    assert sorted(restored) == sorted(
        str(path.relative_to(tmp_path / "tuned")) for path in (tmp_path / "tuned").rglob("*") if path.is_file()
    )
    for name, content in restored.items():
        assert content == (tmp_path / "tuned" / name).read_bytes(), name


def test_the_decoder_reads_gguf_and_refuses_a_wrong_base(tidemill, tmp_path, tiny_model, monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "docs/formats")
    import delta_decoder

    content = bytearray(tiny_model.read_bytes())
    for place in range(len(content) // 3, len(content), 5001):
        content[place] ^= 3
    (tmp_path / "tuned.gguf").write_bytes(bytes(content))
    tidemill.json("delta", "make", tiny_model, tmp_path / "tuned.gguf", tmp_path / "d.tmdelta")
    assert dict(delta_decoder.restored_files(tiny_model, tmp_path / "d.tmdelta")) == {"tuned.gguf": bytes(content)}
    with pytest.raises(ValueError, match="not the base"):
        dict(delta_decoder.restored_files(tmp_path / "tuned.gguf", tmp_path / "d.tmdelta"))


def test_what_a_fine_tune_changed(tidemill, tmp_path):
    rng = rng_of()
    base = {name: weights(rng, (100, 384), "F32") for name in ("a", "b", "old")}
    tuned = {"a": base["a"].copy(), "b": base["b"], "c": base["old"] * 2}
    tuned["a"][:10] += np.float32(0.5)
    for kind, tensors in [("base", base), ("tuned", tuned)]:
        write_safetensors(tmp_path / f"{kind}.safetensors", {n: entry(a, "F32") for n, a in tensors.items()})
    told = tidemill.json("delta", "diff", tmp_path / "base.safetensors", tmp_path / "tuned.safetensors")["tensors"]
    assert [(t["name"], t["against"], t["changed"]) for t in told] == [("a", "a", 0.1), ("b", "b", 0), ("c", "old", 1)]
    assert told[0]["greatest"] == pytest.approx(0.5, rel=1e-6) and told[1]["greatest"] == 0
    table = tidemill.run("delta", "diff", tmp_path / "base.safetensors", tmp_path / "tuned.safetensors").stdout
    assert "10.000%" in table and "1 of 3 tensors are as in the base" in table


# By a process that is small itself: what a child takes counts from before it becomes another program.
PEAK_KILOBYTES = """
import resource, subprocess, sys
subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""


def test_memory_does_not_grow_with_the_model(tidemill, tmp_path):
    """What a process has mapped of the files counts as well."""
    rng = rng_of()
    base = rng.integers(0, 256, 300 << 20, dtype=np.uint8)
    (tmp_path / "base.bin").write_bytes(base.tobytes())
    base[::1000] ^= 1
    (tmp_path / "tuned.bin").write_bytes(base.tobytes())
    for words in [
        ("make", "base.bin", "tuned.bin", "d.tmdelta"), ("apply", "base.bin", "d.tmdelta", "out.bin"),
        ("verify", "base.bin", "d.tmdelta"),
    ]:  # fmt: skip
        done = subprocess.run(
            [sys.executable, "-c", PEAK_KILOBYTES, tidemill.program.resolve(), "delta", *words, "--threads", "2"],
            cwd=tmp_path, capture_output=True, text=True, check=True,
        )  # fmt: skip
        assert int(done.stdout) < 200 << 10, words
