"""Writes the seeds of the fuzz target for weights in groups into tests/fuzz/corpus/group_weights."""

import json
import pathlib
import sys

import numpy as np

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/formats"))
from group_files import PACK, Kind, quantization_config, quantize  # noqa: E402

CORPUS = ROOT / "tests/fuzz/corpus/group_weights"
# As src/formats/group_weights_fuzz.cpp has them.
ENDINGS = ["qweight", "qzeros", "scales", "g_idx", "weight_packed", "weight_scale", "weight_zero_point", "bias",
           "weight_shape", "weight_g_idx", "weight"]  # fmt: skip
DTYPES = ["int32", "float16", "bfloat16", "float32", "int64", "int8", "uint8"]
KINDS = [
    Kind("awq", group_size=32), Kind("gptq", group_size=32), Kind("gptq_v2", bits=3, group_size=32, act_order=True),
    Kind("gptq", bits=8, group_size=-1), Kind("compressed-tensors", group_size=32, scale="bf16"),
    Kind("compressed-tensors", bits=5, group_size=32, sym=True, act_order=True),
    Kind("compressed-tensors", bits=3, group_size=-1, scale="f32", whole=True),
]  # fmt: skip


def tensor_bytes(name, values):
    head = [ENDINGS.index(name), DTYPES.index(str(values.dtype)), values.ndim, *values.shape]
    return bytes(head) + np.ascontiguousarray(values).tobytes()


def seed(kind):
    random = np.random.default_rng(5)
    m = quantize(random.normal(0, 0.06, (32, 96)).astype(np.float32), kind, random)
    config = json.dumps({"quantization_config": quantization_config(kind)}).encode() + b"\0"
    return config + b"".join(tensor_bytes(name, values) for name, values in PACK[kind.format](m, kind).items())


def main():
    CORPUS.mkdir(parents=True, exist_ok=True)
    for kind in KINDS:
        (CORPUS / str(kind)).write_bytes(seed(kind))


if __name__ == "__main__":
    main()
