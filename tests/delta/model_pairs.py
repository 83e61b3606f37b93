"""Pairs of a base and a fine-tune, made by rule: files of safetensors with any bytes, in any order, with any padding."""

import json
import pathlib
import struct

import ml_dtypes
import numpy as np

ROOT = pathlib.Path(__file__).resolve().parents[2]

# Bits of an element, by the names of the format.
BITS = {
    "BOOL": 8, "F4": 4, "F6_E2M3": 6, "F6_E3M2": 6, "U8": 8, "I8": 8, "F8_E5M2": 8, "F8_E4M3": 8, "F8_E8M0": 8,
    "F8_E4M3FNUZ": 8, "F8_E5M2FNUZ": 8, "I16": 16, "U16": 16, "F16": 16, "BF16": 16, "I32": 32, "U32": 32, "F32": 32,
    "C64": 64, "F64": 64, "I64": 64, "U64": 64,
}  # fmt: skip
NUMPY = {"F16": np.float16, "BF16": ml_dtypes.bfloat16, "F32": np.float32, "F64": np.float64}


def write_safetensors(path, tensors, metadata=None, padding=0, indent=None):
    """`tensors`: name -> (dtype, shape, bytes), in the order of the data; the header is written as it comes."""
    header, begin = {}, 0
    if metadata is not None:
        header["__metadata__"] = metadata
    for name, (dtype, shape, data) in tensors.items():
        header[name] = {"dtype": dtype, "shape": list(shape), "data_offsets": [begin, begin + len(data)]}
        begin += len(data)
    text = json.dumps(header, indent=indent).encode() + b" " * padding
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(struct.pack("<Q", len(text)) + text + b"".join(data for _, _, data in tensors.values()))
    return path


def weights(rng, shape, dtype="BF16", scale=0.02):
    return (rng.standard_normal(shape) * scale).astype(NUMPY[dtype])


def nudged(rng, array, share=0.1):
    """`array` with a step of a training added where it is not too small to show."""
    step = rng.standard_normal(array.shape) * 1e-3 * (rng.random(array.shape) < share)
    return (array.astype(np.float64) + step).astype(array.dtype)


def entry(array, dtype="BF16"):
    return (dtype, array.shape, array.tobytes())


def random_bytes(rng, dtype, n_elements):
    """Any bits: NaN payloads, infinities, -0 and subnormal numbers among them."""
    return rng.integers(0, 256, n_elements * BITS[dtype] // 8, dtype=np.uint8).tobytes()


def changed_bytes(rng, data, share=0.05):
    array = np.frombuffer(data, np.uint8).copy()
    array ^= rng.integers(0, 256, array.size, dtype=np.uint8) * (rng.random(array.size) < share)
    return array.tobytes()
