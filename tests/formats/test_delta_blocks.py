"""Codes of blocks of deltas are read by the decoder in docs/formats, which knows the specification only."""

import pathlib
import subprocess
import sys

import numpy as np
import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "docs/formats"))

from delta_block_decoder import Damaged, decode_block  # noqa: E402

WIDTHS = {"BF16": 2, "F16": 2, "F32": 4, "F64": 8, "C64": 8, "F8_E4M3": 1, "F8_E5M2": 1, "I64": 8, "I8": 1, "F4": 1}


def weights(dtype, n_bytes, random):
    """Bytes whose elements have exponents as weights have them."""
    n = n_bytes // WIDTHS[dtype]
    normal = random.normal(0, 0.05, 2 * n)
    normal[::97] = (np.array([np.nan, -0.0, np.inf] * n)[: len(normal[::97])])
    if dtype == "BF16":
        return (normal[:n].astype("<f4").view("<u4") >> 16).astype("<u2").tobytes()
    if dtype in ("F16", "F32", "F64", "C64"):
        kind = {"F16": "<f2", "F32": "<f4", "F64": "<f8", "C64": "<f4"}[dtype]
        return normal.astype(kind).tobytes()[:n_bytes]
    return random.integers(0, 256, n_bytes, np.uint8).tobytes()


def changed(dtype, data, share, steps, random):
    kind = f"<i{4 if dtype == 'C64' else WIDTHS[dtype]}"
    elements = np.frombuffer(data, kind).copy()
    which = random.random(len(elements)) < share
    with np.errstate(over="ignore"):
        elements[which] += random.integers(-steps, steps + 1, int(which.sum())).astype(kind)
    return elements.tobytes()


@pytest.fixture(scope="module")
def blocks(tmp_path_factory):
    """(dtype, row length, first element, base or None, tuned, code) of many blocks."""
    folder = tmp_path_factory.mktemp("blocks")
    random = np.random.default_rng(1)
    made, lines = [], []
    for dtype in WIDTHS:
        for share, steps in [(0.0, 1), (0.003, 1), (0.05, 3), (0.3, 2), (0.9, 100), (0.9, 2**40)]:
            for row_length, first in [(96, 1000), (0, 0)]:
                base = weights(dtype, 16000, random)
                tuned = changed(dtype, base, share, steps, random)
                made.append((dtype, row_length, first, None if share == 0.9 and first else base, tuned))
    made.append(("BF16", 384, 0, made[0][3][:-1], made[0][4][:-1]))
    made.append(("U8", 0, 0, None, b"x" * 1000))
    made.append(("U8", 0, 0, b"", b""))
    for index, (dtype, row_length, first, base, tuned) in enumerate(made):
        names = [folder / f"{index}.{end}" for end in ("base", "tuned", "code")]
        names[0].write_bytes(base or b"")
        names[1].write_bytes(tuned)
        lines.append(f"{dtype} {row_length} {first} {names[0] if base else '-'} {names[1]} {names[2]}\n")
    tool = ROOT / "build/release/delta_block_tool"
    subprocess.run([tool], input="".join(lines), text=True, check=True)
    return [(*block, (folder / f"{index}.code").read_bytes()) for index, block in enumerate(made)]


def test_every_block_is_restored(blocks):
    for dtype, row_length, first, base, tuned, code in blocks:
        assert decode_block(dtype, row_length, first, base, code, len(tuned)) == tuned


def test_every_method_is_among_them(blocks):
    assert {code[0] for *_, code in blocks if code} == {0, 1, 2, 3, 4}


def test_a_code_that_ends_early_is_refused(blocks):
    for dtype, row_length, first, base, tuned, code in blocks:
        if code:
            with pytest.raises(Damaged):
                decode_block(dtype, row_length, first, base, code[: len(code) * 2 // 3], len(tuned))
