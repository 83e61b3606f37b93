#!/usr/bin/env python3
"""Writes src/text/jinja/unicode_tables.cpp: what Python's str methods know about characters.

Run it with the Python whose Unicode version chat templates shall follow: scripts/make_jinja_unicode.py
"""

import pathlib
import textwrap
import unicodedata

OUT = pathlib.Path(__file__).resolve().parents[1] / "src/text/jinja/unicode_tables.cpp"
CHARACTERS = [chr(c) for c in range(0x110000)]

SETS = {
    "kAlphabetic": str.isalpha,
    "kDecimal": str.isdecimal,
    "kDigit": str.isdigit,
    "kNumeric": str.isnumeric,
    "kUnprintable": lambda c: not c.isprintable(),
    "kUppercase": str.isupper,
    "kLowercase": str.islower,
    "kTitlecase": lambda c: unicodedata.category(c) == "Lt",
}
# What `lower` looks through to tell a final sigma: seen by its effect, since Python does not show the property.
SETS["kCaseIgnorable"] = lambda c: ("-" + c + "Σ").lower()[-1] == "σ" and ("A" + c + "Σ").lower()[-1] == "ς"
MAPS = {"kToUpper": str.upper, "kToLower": str.lower, "kToTitle": str.title}


def set_runs(holds):
    """Runs (first, last, step) of the characters for which `holds`."""
    codes = [ord(c) for c in CHARACTERS if holds(c)]
    return [(first, last, step) for first, last, step, _ in runs([(code, 0) for code in codes])]


def map_runs(change):
    pairs = [(ord(c), ord(change(c)) - ord(c)) for c in CHARACTERS if len(change(c)) == 1 and change(c) != c]
    return runs(pairs)


def runs(pairs):
    """Groups (code, delta) pairs of one delta whose codes are 1 or 2 apart."""
    found, begin = [], 0
    while begin < len(pairs):
        end, step = begin, 1
        if begin + 1 < len(pairs) and continues(pairs, begin, pairs[begin + 1][0] - pairs[begin][0]):
            step = pairs[begin + 1][0] - pairs[begin][0]
            while end + 1 < len(pairs) and continues(pairs, end, step):
                end += 1
        found.append((pairs[begin][0], pairs[end][0], step, pairs[begin][1]))
        begin = end + 1
    return found


def continues(pairs, index, step):
    (code, delta), (next_code, next_delta) = pairs[index], pairs[index + 1]
    return step <= 2 and next_code - code == step and next_delta == delta


def array(kind, name, rows):
    body = textwrap.fill(", ".join("{" + ", ".join(map(str, row)) + "}" for row in rows), 118, break_on_hyphens=False)
    return f"constexpr {kind} {name}Rows[] = {{\n{body}}};\nconst std::span<const {kind}> {name} = {name}Rows;\n"


def main():
    parts = [
        f"// Made by scripts/make_jinja_unicode.py from Unicode {unicodedata.unidata_version}; not to be edited.\n"
        '#include "text/jinja/unicode_tables.h"\n\n// clang-format off\nnamespace tidemill::jinja {\n'
    ]
    parts += [array("CodeRun", name, set_runs(holds)) for name, holds in SETS.items()]
    parts += [array("CaseRun", name, map_runs(change)) for name, change in MAPS.items()]
    for name, change in MAPS.items():
        rows = [(ord(c), "{" + ", ".join(str(ord(x)) for x in change(c)) + "}") for c in CHARACTERS if len(change(c)) > 1]
        parts.append(array("CaseExpansion", name + "Long", rows))
    parts.append("}  // namespace tidemill::jinja\n")
    OUT.write_text("\n".join(parts), encoding="utf-8")


if __name__ == "__main__":
    main()
