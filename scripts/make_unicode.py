#!/usr/bin/env python3
"""Writes src/text/unicode/unicode_tables.h and src/text/unicode/unicode_decompositions.h: what tokenizers know about characters.

Tables are asked of the references rather than derived, for the references do not agree on a Unicode version:

  regular expressions (Oniguruma in `tokenizers`, fancy-regex in `tiktoken`)  16.0: categories, alphabetic, scripts
  Rust's `char` (lower case, is_numeric)                                      17.0
  unicode-normalization-alignments (NFC, NFD, NFKC, NFKD, combining marks)     9.0
  unicode_categories (Bert's punctuation, control and non-spacing marks)       8.0, with ranges of its own

Run:  python3 -m venv V && V/bin/pip install unicodedataplus==16.0.0.post1 tokenizers==0.23.3
      V/bin/python scripts/make_unicode.py
"""

import pathlib

import tokenizers
import unicodedataplus as ucd
from tokenizers import Regex, normalizers, pre_tokenizers

TEXT = pathlib.Path(__file__).resolve().parents[1] / "src/text/unicode"
LIMIT = 0x110000
SCALARS = [c for c in range(LIMIT) if not 0xD800 <= c < 0xE000]
BLOCK = 128
CATEGORIES = "Lu Ll Lt Lm Lo Mn Mc Me Nd Nl No Pc Pd Ps Pe Pi Pf Po Sm Sc Sk So Zs Zl Zp Cc Cf Cs Co Cn".split()


def is_in_unicode_9(c):
    age = ucd.age(chr(c))
    return age[:1].isdigit() and tuple(map(int, age.split("."))) <= (9, 0)


def normalized(normalizer):
    """{c: text} of the characters that the normalizer changes."""
    return {c: text for c in SCALARS if (text := normalizer.normalize_str(chr(c))) != chr(c)}


def matched(pattern):
    """The characters that match a regular expression of one character."""
    split = pre_tokenizers.Split(Regex(pattern), "removed", invert=True)
    return {ord(c) for piece, _ in split.pre_tokenize_str("".join(map(chr, SCALARS))) for c in piece}


def isolated(pre_tokenizer):
    """The characters that are cut from letters around them."""
    return {c for c in SCALARS if len(pre_tokenizer.pre_tokenize_str(f"a{chr(c)}a")) > 1}


def bert(**options):
    off = dict(clean_text=False, handle_chinese_chars=False, strip_accents=False, lowercase=False)
    return normalized(normalizers.BertNormalizer(**{**off, **options}))


def removed(changed):
    return {c for c, text in changed.items() if not text}


def is_hangul(c):
    return 0xAC00 <= c < 0xAC00 + 11172


def compositions(nfc):
    """{(first, second): composite} without Hangul."""
    found = {}
    for c in SCALARS:
        parts = ucd.decomposition(chr(c)).split()
        if len(parts) == 2 and "<" not in parts[0] and not is_hangul(c):
            pair = [int(part, 16) for part in parts]
            if nfc.normalize_str("".join(map(chr, pair))) == chr(c):
                found[tuple(pair)] = c
    return found


class Tables:
    def __init__(self):
        self.nfd = normalized(normalizers.NFD())
        self.nfkd = normalized(normalizers.NFKD())
        self.pairs = compositions(normalizers.NFC())
        self.lower = normalized(normalizers.Lowercase())
        nfc, nfkc = normalized(normalizers.NFC()), normalized(normalizers.NFKC())
        self.ccc = {c: ucd.combining(chr(c)) if is_in_unicode_9(c) else 0 for c in SCALARS}
        starters = {c for c in SCALARS if not self.ccc[c]}
        # What composes with a character before it.
        seconds = {second for _, second in self.pairs} | set(range(0x1161, 0x1176)) | set(range(0x11A8, 0x11C3))
        # Bit by bit, in the order of `enum Flag` in unicode.h.
        self.flags = [
            matched(r"\s"),
            matched(r"\p{Alphabetic}"),
            matched(r"[[:lower:]]"),
            matched(r"[[:upper:]]"),
            matched(r"\p{Han}"),
            isolated(pre_tokenizers.Digits(individual_digits=True)),
            isolated(pre_tokenizers.Punctuation("isolated")),
            removed(bert(clean_text=True)),
            removed(bert(strip_accents=True)),
            removed(normalized(normalizers.StripAccents())),
            set(self.lower),
            starters - set(self.nfd),
            starters - set(self.nfkd),
            starters - set(nfc) - seconds,
            starters - set(nfkc) - seconds,
            {c for c in SCALARS if is_in_unicode_9(c)},
        ]

    def properties(self, c):
        """5 bits of category, 8 of combining class, then flags."""
        category = CATEGORIES.index(ucd.category(chr(c)))
        flags = sum(1 << bit for bit, members in enumerate(self.flags) if c in members)
        return category | self.ccc.get(c, 0) << 5 | flags << 13


def lines(numbers, per_line=120):
    """Numbers as lines of C++, filled up to the column limit."""
    text, line = [], ""
    for number in numbers:
        item = f"{number},"
        if len(line) + len(item) > per_line:
            text.append(line)
            line = ""
        line += item
    return "\n".join([*text, line])


def run_lengths(values):
    """[value, count, value, count, ...]"""
    runs = []
    for value in values:
        if runs and runs[-2] == value:
            runs[-1] += 1
        else:
            runs += [value, 1]
    return runs


def two_stages(values):
    """(number of the block of each BLOCK values, the values of all different blocks)"""
    numbers, stage = {}, []
    for begin in range(0, LIMIT, BLOCK):
        stage.append(numbers.setdefault(tuple(values[begin : begin + BLOCK]), len(numbers)))
    return stage, [value for block in numbers for value in block]


def lower_case_runs(lower):
    """[(first, last, step, delta)]"""
    runs = []
    for c, text in sorted(lower.items()):
        if len(text) > 1:
            assert (c, text) == (0x130, "i\u0307")  # the only one; unicode.h knows it
            continue
        delta = ord(text) - c
        if runs:
            first, last, step, same = runs[-1]
            if delta == same and c - last <= 2 and (step == c - last or first == last):
                runs[-1] = (first, c, c - last, delta)
                continue
        runs.append((c, c, 1, delta))
    return runs


def script_runs(names):
    """[(first, last, number of the script from 1)]"""
    numbers = {name: k + 1 for k, name in enumerate(names)}
    runs = []
    for c in SCALARS:
        number = numbers.get(ucd.script(chr(c)))
        if runs and runs[-1][2] == number and runs[-1][1] == c - 1:
            runs[-1][1] = c
        elif number:
            runs.append([c, c, number])
    return runs


def decomposition_stream(tables):
    """Per character: distance from the last one, both lengths, and the texts (the second only if it differs)."""
    stream, previous = [], 0
    for c in sorted(set(tables.nfkd) | set(tables.nfd)):
        if is_hangul(c):
            continue
        canonical = tables.nfd.get(c, "")
        compatible = tables.nfkd[c] if tables.nfkd[c] != canonical else ""
        stream += [(c - previous) * 256 + len(canonical) * 32 + len(compatible), *map(ord, canonical + compatible)]
        previous = c
    return stream


def array(declaration, numbers):
    return f"inline constexpr {declaration}[] = {{\n{lines(numbers)}\n}};\n"


def write(name, comment, includes, arrays):
    origin = f"unicodedataplus {ucd.unidata_version} and tokenizers {tokenizers.__version__}"
    head = [f"// Made by scripts/make_unicode.py from {origin}; do not edit.", "//", *comment, "#pragma once\n", *includes]
    text = "\n".join([*head, "\n// clang-format off\nnamespace tidemill::unicode {\n", *arrays, "}  // namespace tidemill::unicode\n"])
    path = TEXT / name
    path.write_text(text)
    print(path, path.stat().st_size, "bytes")


def write_properties(tables):
    values = [tables.properties(c) for c in range(LIMIT)]
    kinds = sorted(set(values))
    assert len(kinds) <= 256
    number = {kind: k for k, kind in enumerate(kinds)}
    stage, data = two_stages([number[value] for value in values])
    names = sorted({ucd.script(chr(c)) for c in SCALARS} - {"Unknown"})
    write(
        "unicode_tables.h",
        ["// Runs are pairs: a value, and how often it stands there in a row.  Included by unicode.cpp only."],
        ["#include <cstdint>", "#include <string_view>", "", '#include "text/unicode/unicode.h"'],
        [
            "// The number of each block of 128 characters, and of every character of the different blocks its kind.",
            array("uint16_t kBlockRuns", run_lengths(stage)),
            array("uint16_t kKindRuns", run_lengths(data)),
            f"static_assert(kNumberedCharacters == {len(data)});\n",
            "// Category (5 bits), combining class (8 bits), flags.",
            array("uint32_t kKindValues", kinds),
            array("CaseRun kLowerCaseRuns", [f"{{{a},{b},{step},{d}}}" for a, b, step, d in lower_case_runs(tables.lower)]),
            array("ScriptRun kScriptRuns", [f"{{{a},{b},{script}}}" for a, b, script in script_runs(names)]),
            array("std::string_view kScriptNames", [f'"{name}"' for name in names]),
        ],
    )


def write_decompositions(tables):
    pairs = [f"{{{first},{second},{c}}}" for (first, second), c in sorted(tables.pairs.items())]
    write(
        "unicode_decompositions.h",
        ["// Without Hangul, which is computed.  Included by unicode.cpp only."],
        ["#include <cstdint>", "", '#include "text/unicode/unicode.h"'],
        [
            "// Per character: 256 times its distance from the one before, 32 times the length of its canonical text, the",
            "// length of its compatible text; the canonical text; the compatible one, which is left out where it is the same.",
            array("char32_t kDecompositionStream", decomposition_stream(tables)),
            "// Ascending: first, second, what they compose to.",
            array("Composition kCompositions", pairs),
        ],
    )


if __name__ == "__main__":
    both = Tables()
    write_properties(both)
    write_decompositions(both)
