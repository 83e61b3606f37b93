"""Seeds for the fuzz targets of deltas, their plans, moved parts and entries of stores: python3 tests/fuzz/make_delta_corpus.py build/release/tidemill tests/fuzz/corpus."""

import pathlib
import subprocess
import sys
import tempfile

import numpy as np
import safetensors
import zstandard

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "delta"))
from model_pairs import entry, nudged, random_bytes, weights, write_safetensors  # noqa: E402


def pairs(folder):
    """Small ones, so that a mutation meets every kind of part: (name, base, tuned)."""
    rng = np.random.default_rng(1)
    array, table = weights(rng, (16, 24)), weights(rng, (20, 8), "F32")
    base = {"a": entry(array), "t": entry(table, "F32"), "u": ("U8", (50,), random_bytes(rng, "U8", 50))}
    tuned = {"a": entry(nudged(rng, array)), "t": entry(nudged(rng, table[:15]), "F32"), "u": base["u"], "s": ("I64", (), b"12345678")}
    grown = {"t": entry(np.concatenate([nudged(rng, table), table[:4]]), "F32")}
    yield "tensors", write_safetensors(folder / "1", base), write_safetensors(folder / "2", tuned)
    yield "grown", folder / "1", write_safetensors(folder / "3", grown)
    for kind in ("base", "tuned"):
        write_safetensors(folder / kind / "m.safetensors", base if kind == "base" else grown)
        (folder / kind / "config.json").write_text('{"kind": "%s", "text": "%s"}' % (kind, "word " * 20))
    yield "folder", folder / "base", folder / "tuned"


def plan_of(path):
    with safetensors.safe_open(path, "numpy") as file:
        return zstandard.ZstdDecompressor().decompressobj().decompress(file.get_tensor("plan").tobytes())


def codes_of(path):
    with safetensors.safe_open(path, "numpy") as file:
        return file.get_tensor("codes").tobytes()


if __name__ == "__main__":
    program, out = sys.argv[1], pathlib.Path(sys.argv[2])
    for target in ("delta", "plan", "moved_code", "store_entry"):
        (out / target).mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as temporary:
        for name, base, tuned in pairs(pathlib.Path(temporary)):
            for mode in ("lossless", "int4", "lowrank") if name == "tensors" else ("lossless",):
                delta = out / "delta" / (name if mode == "lossless" else mode)
                subprocess.run([program, "delta", "make", base, tuned, delta, "--mode", mode, "--rank", "1"], check=True)
                (out / "plan" / delta.name).write_bytes(plan_of(delta))
        store = pathlib.Path(temporary) / "store"
        subprocess.run([program, "delta", "store", "add", store, out / "delta/tensors"], check=True)
        (out / "store_entry/tensors").write_bytes((store / "deltas/tensors.json").read_bytes())
        rows = [b'{"id": %d, "text": "%s"}\n' % (i * 7919 % 1000, b"tide mill " * (i % 9)) for i in range(20_000)]
        for kind, lines in [("1.jsonl", rows), ("2.jsonl", rows[9000:] + [b"new\n"] + rows[:9000])]:
            (pathlib.Path(temporary) / kind).write_bytes(b"".join(lines))
        words = [pathlib.Path(temporary) / "1.jsonl", pathlib.Path(temporary) / "2.jsonl", out / "delta/moved"]
        subprocess.run([program, "delta", "make", *words], check=True)
        (out / "plan/moved").write_bytes(plan_of(out / "delta/moved"))
        (out / "moved_code/moved").write_bytes(codes_of(out / "delta/moved"))
