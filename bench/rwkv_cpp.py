"""rwkv.cpp beside tidemill: its build, and the random RWKV-7 models of recurrent_models.py in its own format.

A file is magic, version, sizes and format, then one tensor after another behind a header of its own, with the numbers of
its shape turned around (docs/FILE_FORMAT.md there). Quantised files are made as its users make them: by its own quantiser
from a file in FP16, which leaves embedding, output head and low-rank weights in FP16.
"""

import json
import os
import pathlib
import re
import struct
import subprocess
import sys

import numpy as np
from measuring import RELEASE, ROOT, call_json
from safetensors.numpy import load_file

KINDS = ["rwkv7"]  # of recurrent_models.py
MAGIC, VERSION = 0x67676D66, 101
FP32, FP16 = 0, 1
MIXES = [f"att.x_{letter}" for letter in "rwkvag"]  # one tensor there, in this order
LOW_RANK = tuple(f"att.{letter}{part}" for letter in "wavg" for part in "12")  # transposed there
CHECKED_IDS = [13, 5, 211, 92, 5, 23, 7, 40]
TOLERANCE = 1e-4  # of the range of the scores


def tensors(weights):
    """Name and array of everything that the format holds."""
    for name, weight in weights.items():
        if name.endswith(MIXES[0]):
            prefix = name.removesuffix(MIXES[0])
            yield f"{prefix}att.x_rwkvag", np.concatenate([weights[prefix + mix] for mix in MIXES])
        elif name.endswith(LOW_RANK):
            yield name, weight.T
        elif not name.endswith(tuple(MIXES)):
            yield name, weight


def write(source, path, dtype):
    """The model in the folder `source` with its matrices in FP32 or FP16; all that is small stays FP32."""
    weights = load_file(source / "model.safetensors")
    vocab, width = weights["emb.weight"].shape
    layers = sum(name.endswith(".ln1.weight") for name in weights)
    with path.open("wb") as file:
        file.write(struct.pack("=6i", MAGIC, VERSION, vocab, width, layers, dtype))
        for name, weight in tensors(weights):
            is_matrix = weight.ndim == 2 and not name.endswith(".r_k")
            stored = dtype if is_matrix else FP32
            file.write(struct.pack("=3i", weight.ndim, len(name), stored))
            file.write(struct.pack(f"={weight.ndim}i", *reversed(weight.shape)) + name.encode())
            file.write(weight.astype(np.float16 if stored == FP16 else np.float32).tobytes())


def put(path, make):
    """Has `make` write the file, unless it is there, under another name until it is whole."""
    if not path.exists():
        part = path.with_name(f"{path.name}.part")
        make(part)
        with part.open("rb") as file:
            os.fsync(file.fileno())
        part.replace(path)
    return path


class RwkvCpp:
    """The library of a build, which processes of their own load."""

    def __init__(self, build):
        found = [path for path in (build / "librwkv.so", build / "bin/librwkv.so") if path.is_file()]
        if not found:
            raise SystemExit(f"error: --rwkv-cpp {build}: lacks librwkv.so; build the target rwkv there")
        self.library = found[0].resolve()
        self.version = commit_of(build)

    def call(self, model, *words):
        script = ROOT / "bench/peers/rwkv_cpp_bench.py"
        return call_json(sys.executable, script, "--library", self.library, "--model", model, *words)

    def bench(self, model, threads, lengths):
        return self.call(model, "--threads", threads, *lengths) | {"version": self.version}

    def make(self, source, dtype):
        """Path of the model in the folder `source` in F32, Q8_0 or Q4_0; it is made where it is not there."""
        path = source.with_name(f"{source.name}-{dtype}.rwkv.bin")
        if dtype == "F32":
            return put(path, lambda part: write(source, part, FP32))
        halves = source.with_name(f"{source.name}-F16.rwkv.bin")
        put(halves, lambda part: write(source, part, FP16))
        return put(path, lambda part: self.call(halves, "--quantize", dtype, "--to", part))

    def check(self, source):
        """Stops unless the scores of a short text in F32, read at once and id by id, are ours."""
        ids = source.parent / "checked-ids.json"
        ids.write_text(json.dumps({"ids": CHECKED_IDS}), encoding="utf-8")
        words = ["--ids-file", ids, "--precision", "f32", "--json"]
        ours = np.array(call_json(RELEASE / "tidemill", "logits", source, *words)["logits"][-1])
        theirs = self.call(self.make(source, "F32"), "--logits", ",".join(map(str, CHECKED_IDS)))
        for way, scores in theirs.items():
            error = np.abs(np.array(scores) - ours).max() / np.ptp(ours)
            print(f"rwkv.cpp, {source.name}, {way}: scores differ from ours by {error:.1e} of their range", file=sys.stderr)
            if not error <= TOLERANCE:
                raise SystemExit(f"error: rwkv.cpp computes another model than {source}; was it made anew?")


def commit_of(build):
    """Of the sources that a build was made from; nothing where they are not in a repository."""
    cache = build / "CMakeCache.txt"
    home = re.search(r"^CMAKE_HOME_DIRECTORY:\w+=(.*)$", cache.read_text(), re.M) if cache.is_file() else None
    if not home or not (pathlib.Path(home[1]) / ".git").exists():
        return ""
    words = ["git", "-C", home[1], "rev-parse", "--short", "HEAD"]
    return subprocess.run(words, capture_output=True, text=True, check=False).stdout.strip()
