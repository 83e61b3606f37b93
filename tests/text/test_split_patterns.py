"""The hand-written splitters against the regular expressions they stand for, run by Hugging Face's tokenizers (Oniguruma)
and, for the patterns with possessive repetitions that only tiktoken uses, by the regex package."""

import json
import random
import subprocess
import unicodedata

import pytest

from nasty_texts import nasty_texts

tokenizers = pytest.importorskip("tokenizers")
regex = pytest.importorskip("regex")

LETTERS_UPPER = r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]"
LETTERS_LOWER = r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]"
CONTRACTIONS = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)"
NEWLINES = r"\s*[\r\n]+|\s+(?!\S)|\s+"


def cased(contractions, digits):
    return (
        rf"[^\r\n\p{{L}}\p{{N}}]?{LETTERS_UPPER}*{LETTERS_LOWER}+{contractions}|"
        rf"[^\r\n\p{{L}}\p{{N}}]?{LETTERS_UPPER}+{LETTERS_LOWER}*{contractions}|"
        rf"\p{{N}}{digits}| ?[^\s\p{{L}}\p{{N}}]+[\r\n/]*|{NEWLINES}"
    )


PATTERNS = {
    "gpt2": r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+",
    "llama3": CONTRACTIONS + r"|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|" + NEWLINES,
    "qwen2": CONTRACTIONS + r"|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|" + NEWLINES,
    "qwen3.5": CONTRACTIONS + r"|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|" + NEWLINES,
    # cl100k_base in the words of Oniguruma.
    "cl100k_base": r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}| ?[^\s\p{L}\p{N}]++[\r\n]*+|"
    r"\s++\z|\s*[\r\n]|\s+(?!\S)|\s",
    "o200k_base": cased(CONTRACTIONS + "?", "{1,3}"),
    "tekken": cased("", ""),
}
# Each cuts what those before it leave.
SEQUENCES = {
    "starcoder": [r"\p{N}", PATTERNS["gpt2"]],
    "falcon": [r"[\p{P}\$\+<=>\^~\|`]+", PATTERNS["gpt2"], "[0-9][0-9][0-9]"],
    "deepseek3": [
        r"\p{N}{1,3}",
        "[一-龥\u3040-ゟ゠-ヿ]+",
        r"""[!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*|"""
        r"""\s*[\r\n]+|\s+(?!\S)|\s+""",
    ],
}
# In these Oniguruma reads {1,3}+ as another pattern.
POSSESSIVE = {
    "gpt2": r"'(?:[sdmt]|ll|ve|re)| ?\p{L}++| ?\p{N}++| ?[^\s\p{L}\p{N}]++|\s++$|\s+(?!\S)|\s",
    "cl100k_base": r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+| ?[^\s\p{L}\p{N}]++[\r\n]*+|"
    r"\s++$|\s*[\r\n]|\s+(?!\S)|\s",
}
ALPHABET = list("aZ s'TRElvedM19 \t\n\r/.,(_é") + [
    "\u00a0", "\u3000", "\u2028", "\u0085", "\u017f", "\u0130", "\u01c5", "\u0301", "\u0903", "\u20e3", "\u02b0", "\u4e2d", "\u0663",
    "\u2167", "\u00bd", "\U0001f600", "\u200d", "\u3042", "\u30fb", "\u309b", "\u3040", "\u3002", "$", "^", "\u20ac", "\u0000", "\u00ad", "\U00010400", "\U00010428", "\U0001d7ce", "'", "'", " ", " ", "\n",
]  # fmt: skip


def random_texts(n_texts, seed):
    rng = random.Random(seed)
    return ["".join(rng.choices(ALPHABET, k=rng.choice([2, 4, 9, 30, 200]))) for _ in range(n_texts)]


def all_code_points():
    """Every code point in contexts where its kind matters, some hundred to a text."""
    points = [chr(c) for c in range(0x110000) if not 0xD800 <= c <= 0xDFFF and (c < 0x3400 or c % 16 == 0 or 0xA000 <= c < 0xAC00 or 0xF900 <= c < 0x20000)]
    contexts = ["a{}b 1{}2 {}. {}{}\n", "A{}B'{}s {} \n", "{}\u4e2d.{} x"]
    for begin in range(0, len(points), 200):
        for context in contexts:
            yield "".join(context.replace("{}", c) for c in points[begin : begin + 200])


TEXTS = [text for text in nasty_texts(1500, seed=11) + random_texts(4000, seed=12) if text] + [
    "x " * 40, "a" * 300, " " * 300 + "a", "1" * 200, "'s" * 80, "é" * 90, "a\u0301" * 70, "AbC" * 60, "\n \n" * 50, "don't " * 30,
]  # fmt: skip


@pytest.fixture(scope="module")
def split(tidemill):
    program = tidemill.program.parent / "split_tool"

    def run(requests):
        lines = "".join(json.dumps(request) + "\n" for request in requests)
        done = subprocess.run([program], input=lines, capture_output=True, text=True, check=True, encoding="utf-8")
        return [json.loads(line) for line in done.stdout.splitlines()]

    return run


def ends_of(pieces):
    ends = [0]
    for piece in pieces:
        ends.append(ends[-1] + len(piece.encode()))
    return ends[1:]


def expect_equal(texts, ours, expected):
    for text, ends, pieces in zip(texts, ours, expected, strict=True):
        assert "".join(pieces) == text
        assert ends == ends_of(pieces), ascii(text[:300])


@pytest.mark.parametrize("name", PATTERNS)
def test_equals_tokenizers(split, name):
    oracle = tokenizers.pre_tokenizers.Split(tokenizers.Regex(PATTERNS[name]), "isolated")
    texts = TEXTS + list(all_code_points())
    ours = split({"pattern": PATTERNS[name], "text": text} for text in texts)
    expect_equal(texts, ours, ([piece for piece, _ in oracle.pre_tokenize_str(text)] for text in texts))


@pytest.mark.parametrize("name", SEQUENCES)
def test_sequences_equal_tokenizers(split, name):
    stages = [tokenizers.pre_tokenizers.Split(tokenizers.Regex(pattern), "isolated") for pattern in SEQUENCES[name]]
    oracle = tokenizers.pre_tokenizers.Sequence(stages)
    texts = TEXTS + list(all_code_points())
    ours = list(split({"patterns": SEQUENCES[name], "text": text} for text in texts))
    expect_equal(texts, ours, ([piece for piece, _ in oracle.pre_tokenize_str(text)] for text in texts))
    assert ours[:300] == split({"name": name, "text": text} for text in texts[:300])


@pytest.mark.parametrize("name", POSSESSIVE)
def test_equals_tiktoken(split, name):
    # The package is ahead of tiktoken in its version of Unicode: only characters that are old enough.
    texts = ["".join(c for c in text if unicodedata.category(c) != "Cn") for text in TEXTS]
    oracle = regex.compile(POSSESSIVE[name])
    ours = split({"pattern": POSSESSIVE[name], "text": text} for text in texts)
    expect_equal(texts, ours, (oracle.findall(text) for text in texts))


def test_names_give_the_same_splitters(split):
    for name, pattern in [*PATTERNS.items(), *POSSESSIVE.items()]:
        by_name, by_pattern = (split({key: value, "text": text} for text in TEXTS[:300]) for key, value in (("name", name), ("pattern", pattern)))
        assert by_name == by_pattern
    assert split([{"name": "gpt3", "text": "a"}, {"pattern": "a+", "text": "a"}]) == [None, None]
