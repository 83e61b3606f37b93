#!/usr/bin/env python3
"""Writes src/text/unicode/grapheme_tables.h: which characters belong together, as `tokenizers` cuts them.

Hugging Face's Precompiled normalizer replaces whole grapheme clusters of less than six bytes.  With a map that makes X
of anything, the number of X tells the clusters, and so the classes of characters as far as such clusters show them.

Run:  python3 -m venv V && V/bin/pip install tokenizers==0.23.3
      V/bin/python scripts/make_graphemes.py
"""

import pathlib
import struct

from tokenizers import normalizers

TABLE = pathlib.Path(__file__).resolve().parents[1] / "src/text/unicode/grapheme_tables.h"
SCALARS = [c for c in range(0x110000) if not 0xD800 <= c < 0xE000]
ACUTE, JOINER, COPYRIGHT = "\u0301", "\u200d", "\u00a9"
HEAD = """// Classes of characters that share a grapheme cluster, made by scripts/make_graphemes.py.
#pragma once

#include "text/unicode/graphemes.h"

namespace tidemill {

// clang-format off
inline constexpr GraphemeRange kGraphemeRanges[] = {
"""
TAIL = """};
// clang-format on

}  // namespace tidemill
"""


def everything_to_x():
    """A Darts double array in which every byte but 0 is a key: unit c is both the child by c and its value."""
    units = [0x80000000] * 512
    units[0] = 256 << 10
    for c in range(1, 256):
        units[256 ^ c] = 256 << 10 | 1 << 8 | c
    return struct.pack("<I", 4 * len(units)) + struct.pack(f"<{len(units)}I", *units) + b"X\0"


MAP = normalizers.Precompiled(everything_to_x())


def is_cluster(text):
    return MAP.normalize_str(text) == "X"


# Letters of Hangul, which only show before more of them; syllables are told by their number.
HANGUL = {
    "hangul_l": [range(0x1100, 0x1160), range(0xA960, 0xA97D)],
    "hangul_v": [range(0x1160, 0x11A8), range(0xD7B0, 0xD7C7)],
    "hangul_t": [range(0x11A8, 0x1200), range(0xD7CB, 0xD7FC)],
}


def hangul(c):
    return next((name for name, letters in HANGUL.items() if any(c in r for r in letters)), None)


def class_of(c):
    char = chr(c)
    if char in "\0\r\n":
        return "control"
    if is_cluster("a" + char):
        return "joiner" if char == JOINER else "extend"
    if len(char.encode()) < 5 and is_cluster(char + "a"):
        return "prepend"
    # A control character stands alone, also before an accent.
    if len(char.encode()) < 4 and not is_cluster(char + ACUTE):
        return "control"
    if MAP.normalize_str(COPYRIGHT + JOINER + char) == "XXX":
        return "pictographic"
    return hangul(c)


def ranges():
    found = []
    for c in SCALARS:
        name = class_of(c)
        if not name:
            continue
        if found and found[-1][1] == c - 1 and found[-1][2] == name:
            found[-1][1] = c
        else:
            found.append([c, c, name])
    return found


def main():
    rows = [f"{{0x{first:X}, 0x{last:X}, GraphemeClass::{name}}}" for first, last, name in ranges()]
    TABLE.write_text(HEAD + "".join(f"  {row},\n" for row in rows) + TAIL)


if __name__ == "__main__":
    main()
