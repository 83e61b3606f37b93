"""Dequantisation is bit-exact with the `gguf` Python package on random blocks and on extreme scales, and with ml_dtypes
on every code of a small float."""

import os
import pathlib
import subprocess

import ml_dtypes
import numpy as np
import pytest
from gguf import GGML_QUANT_SIZES, GGMLQuantizationType, quants

ROOT = pathlib.Path(__file__).resolve().parents[2]
TOOL = pathlib.Path(os.environ.get("TIDEMILL_BUILD", ROOT / "build/release")) / "dequantize_tool"
N_BLOCKS = 4096

# Byte offsets of the f16 numbers of each block format.
F16_FIELDS = {
    "Q4_0": [0], "Q4_1": [0, 2], "Q5_0": [0], "Q5_1": [0, 2], "Q8_0": [0], "IQ4_NL": [0], "IQ4_XS": [0],
    "Q2_K": [80, 82], "Q3_K": [108], "Q4_K": [0, 2], "Q5_K": [0, 2], "Q6_K": [208], "MXFP4": [],
}  # fmt: skip
# Zeros, subnormals, the largest finite numbers, infinities and NaN.
EXTREME_F16 = [0x0000, 0x8000, 0x0001, 0x8001, 0x03FF, 0x83FF, 0x0400, 0x3C00, 0x7BFF, 0xFBFF, 0x7C00, 0xFC00, 0x7E00]
# Our name -> NumPy's type, for formats that need no decoding.
NUMBERS = {
    "f32": "<f4", "f64": "<f8", "f16": "<f2", "i64": "<i8", "i32": "<i4", "i16": "<i2", "i8": "i1",
    "u64": "<u8", "u32": "<u4", "u16": "<u2", "u8": "u1",
}  # fmt: skip

SMALL_FLOATS = {
    "f8_e4m3": ml_dtypes.float8_e4m3fn, "f8_e5m2": ml_dtypes.float8_e5m2, "f8_e4m3fnuz": ml_dtypes.float8_e4m3fnuz,
    "f8_e5m2fnuz": ml_dtypes.float8_e5m2fnuz, "f8_e8m0": ml_dtypes.float8_e8m0fnu,
}  # fmt: skip


def decoded(dtype, data):
    answer = subprocess.run([TOOL, dtype], input=data.tobytes(), capture_output=True, check=True)
    return np.frombuffer(answer.stdout, dtype=np.float32)


def expect_same_bits(found, expected):
    expected = np.ascontiguousarray(expected, dtype=np.float32).ravel()
    assert found.shape == expected.shape
    nan = np.isnan(expected)
    assert (np.isnan(found) == nan).all()
    different = np.flatnonzero((found.view(np.uint32) != expected.view(np.uint32)) & ~nan)
    assert different.size == 0, f"element {different[0]}: {found[different[0]]!r}, not {expected[different[0]]!r}"


def random_blocks(name, seed):
    _, block_bytes = GGML_QUANT_SIZES[GGMLQuantizationType[name]]
    return np.random.default_rng(seed).integers(0, 256, (N_BLOCKS, block_bytes), dtype=np.uint8)


def compare_with_gguf(name, blocks):
    with np.errstate(all="ignore"):  # infinities and NaN are part of the test
        expect_same_bits(decoded(name, blocks), quants.dequantize(blocks, GGMLQuantizationType[name]))


@pytest.mark.parametrize("name", F16_FIELDS)
def test_random_blocks(name):
    compare_with_gguf(name, random_blocks(name, seed=1))


@pytest.mark.parametrize("name", F16_FIELDS)
def test_extreme_scales(name):
    blocks = random_blocks(name, seed=2)
    extremes = np.array(EXTREME_F16, dtype="<u2")
    for step, offset in enumerate(F16_FIELDS[name]):  # every pair of extremes meets
        chosen = extremes[np.arange(N_BLOCKS) // len(extremes) ** step % len(extremes)]
        blocks[:, offset : offset + 2] = chosen.view(np.uint8).reshape(N_BLOCKS, 2)
    compare_with_gguf(name, blocks)


@pytest.mark.parametrize("name", F16_FIELDS)
def test_blocks_of_real_numbers(name):
    """Finite scales of usual size, so that rounding and not infinity decides the bits."""
    blocks = random_blocks(name, seed=3)
    scales = np.random.default_rng(4).normal(0, 0.02, (N_BLOCKS, 2)).astype("<f2")
    for step, offset in enumerate(F16_FIELDS[name]):
        blocks[:, offset : offset + 2] = scales[:, step : step + 1].view(np.uint8)
    compare_with_gguf(name, blocks)


@pytest.mark.parametrize("name", ["F16", "BF16"])
def test_every_half(name):
    bits = np.arange(65536, dtype="<u2")
    expect_same_bits(decoded(name, bits), quants.dequantize(bits.view(np.uint8), GGMLQuantizationType[name]))


@pytest.mark.parametrize("name", NUMBERS)
def test_numbers_convert_as_in_numpy(name):
    numbers = np.random.default_rng(5).integers(0, 256, 8 * N_BLOCKS, dtype=np.uint8).view(NUMBERS[name])
    with np.errstate(all="ignore"):
        expect_same_bits(decoded(name, numbers), numbers.astype(np.float32))


@pytest.mark.parametrize("name", SMALL_FLOATS)
def test_every_small_float(name):
    codes = np.arange(256, dtype=np.uint8)
    expect_same_bits(decoded(name, codes), codes.view(SMALL_FLOATS[name]).astype(np.float32))


def test_every_pair_of_4_bit_floats():
    codes = np.arange(256, dtype=np.uint8)
    pairs = np.stack([codes & 15, codes >> 4], axis=1)  # ml_dtypes keeps one code in a byte
    expect_same_bits(decoded("f4", codes), pairs.view(ml_dtypes.float4_e2m1fn).astype(np.float32))
