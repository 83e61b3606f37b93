"""Regular expressions against Oniguruma inside Hugging Face's tokenizers: classes over all characters, syntax, texts."""

import functools

import pytest
from nasty_texts import nasty_texts
from text_stages import byte_starts, described, ours

tokenizers = pytest.importorskip("tokenizers")
N, P, Regex = tokenizers.normalizers, tokenizers.pre_tokenizers, tokenizers.Regex
# Planes 4 to 13 are empty, 15 and 16 for private use.
SCALARS = [chr(c) for c in [*range(0xD800), *range(0xE000, 0x34000), *range(0xE0000, 0xE1000), 0xF0000, 0x10FFFF]]
BEHAVIORS = ["removed", "isolated", "merged_with_previous", "merged_with_next", "contiguous"]

CLASSES = [
    *[rf"\p{{{name}}}" for name in "L Lu Ll Lt Lm Lo M Mn Mc Me N Nd Nl No P Pc Pd Ps Pe Pi Pf Po S Sm Sc Sk So Z Zs Zl Zp C Cc Cf Co Cn".split()],
    *[rf"\{letter}" for letter in "wWsSdDhH"],
    *[rf"[\{letter}]" for letter in "wWsSdD"],
    *[rf"[[:{name}:]]" for name in "alpha alnum ascii blank cntrl digit graph lower print punct space upper word xdigit".split()],
    *[rf"\p{{{name}}}" for name in "Alpha alnum Punct Graph Print word ASCII Any Assigned letter Modifier_Letter LC White_Space".split()],
    *[rf"\p{{{name}}}" for name in "Han Hiragana Katakana Hangul Latin Greek Cyrillic Arabic Hebrew Thai Old_Italic Common Inherited".split()],
    r"\P{L}",
    r"\p{^L}",
    r"[^\p{L}\p{N}]",
    r"[^\s\p{L}\p{N}]",
    r"[^\r\n\p{L}\p{N}]",
    r"[\p{L}\p{M}]",
    r"[\p{L}&&[^\p{Lu}a-f]]",
    r"[^\p{L}&&\p{N}]",
    r"[[:alpha:][:^ascii:]&&\p{Latin}]",
    r"[^\S\r\n]",
    r"[\u4e00-\u9fff\u3040-\u30ff]",
    r"[\x{1F300}-\x{1FAFF}]",
    r"[]\-a-c^-]",
    r".",
    r"\N",
    r"\O",
]
PATTERNS = [
    r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+ ",
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?+\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]++[\r\n]*|\s*[\r\n]|\s+(?!\S)|\s",
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t)?|\p{N}{1,2}|\s+$|\s+",
    r"[!\"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*|\s+",
    r"[\p{Han}]+|[一-龥\u3040-ゟ゠-ヿ]+",
    r"\p{N}{1,3}",
    r"\w+|[^\w\s]+",
    r"\bx|e\b|\B.\B",
    r"^.|.$|\A.|.\Z|.\z",
    r"(?m:a.b)|(?m)\n.",
    r"(?i)the|WATER|[à-ö]",
    r"a(?i)b|c",
    r"(?:a(?i)b|c)d|(?-i)e",
    r"a{2}+|e{1,2}?|o{,2}|l{2}?|x{|{y}|i{2,}",
    r"(?:a*)*b|e**|o+?|o++t",
    r"(?<=[aeiou])\p{L}|(?<!\s)\d|(?=\p{Lu})",
    r"(?<c>\p{L})\k<c>",
    r"(.)\1",
    r"(?>a+)b|(?#comment)t(?:h|i)e?",
    r"\R|\h{2}|\t",
    r"\x41\x{e9}|\u00e9|\xc3\xa9|\101",
    r"\pL|\Qa|\-|\#|é|\é",
    r"",
    r"x*",
    r"(?=e)",
    r"(?<=e)",
    r" ?",
    r"[ \n]|(?<=\d)(?=\D)",
    r"[^a]|(?i)[^é]",
    r"\s+(?!\S)|[\s]+",
    r"(?i)\p{Lu}+|\p{Ll}",
]
BAD = [r"(a", r"a)", r"[a", r"*a", r"[z-a]", r"\p{Nonsense}", "\\", r"(?P<n>a)", r"(?<n", r"[[:alpha:]", r"(?s:a)"]


@functools.cache
def texts():
    return nasty_texts(300, seed=12, snippets=["'s", "'LL", "  \n", "\r\n", "the", "strasse", "ab", "aab", "ee", "²", "½", "ABC", "12345", "é", "\u0301", "x{", "{y}"])


@pytest.mark.parametrize("pattern", CLASSES)
def test_every_character(pattern):
    split = P.Split(Regex(pattern), "contiguous")  # runs of members, and of others
    parts = ["".join(SCALARS[begin : begin + 4096]) for begin in range(0, len(SCALARS), 4096)]
    answers = ours([{"pre_tokenizer": described(split), "text": part} for part in parts])
    for part, answer in zip(parts, answers, strict=True):
        assert [piece for piece, _, _ in answer["pieces"]] == [piece for piece, _ in split.pre_tokenize_str(part)]


@pytest.mark.parametrize("pattern", PATTERNS)
@pytest.mark.parametrize("behavior", BEHAVIORS)
@pytest.mark.parametrize("invert", [False, True])
def test_pieces(pattern, behavior, invert):
    split = P.Split(Regex(pattern), behavior, invert)
    all_texts = texts() if behavior in ("isolated", "removed") else texts()[:60]
    answers = ours([{"pre_tokenizer": described(split), "text": text} for text in all_texts])
    for text, answer in zip(all_texts, answers, strict=True):
        starts = byte_starts(text)
        expected = [[piece, starts[begin], starts[end]] for piece, (begin, end) in split.pre_tokenize_str(text) if piece]
        assert answer["pieces"] == expected, ascii(text)


@pytest.mark.parametrize("pattern", ["", " ", "ab", "\u2581", "\n\n", "a.b*[\\"])
@pytest.mark.parametrize("behavior", BEHAVIORS)
def test_strings(pattern, behavior):
    split = P.Split(pattern, behavior)
    all_texts = [*texts()[:200], "a.b*[\\a.b*[\\ a.b", "aabab ab"]
    answers = ours([{"pre_tokenizer": described(split), "text": text} for text in all_texts])
    for text, answer in zip(all_texts, answers, strict=True):
        assert [piece for piece, _, _ in answer["pieces"]] == [piece for piece, _ in split.pre_tokenize_str(text) if piece], ascii(text)


@pytest.mark.parametrize("pattern", PATTERNS)
def test_replacing(pattern):
    replace = N.Replace(Regex(pattern), "-\u2581")
    all_texts = texts()[:250]
    answers = ours([{"normalizer": described(replace), "text": text} for text in all_texts])
    assert [answer["text"] for answer in answers] == [replace.normalize_str(text) for text in all_texts]


@pytest.mark.parametrize("pattern", BAD)
def test_bad_patterns_are_refused(pattern):
    with pytest.raises(Exception):
        Regex(pattern)
    stage = {"type": "Split", "pattern": {"Regex": pattern}, "behavior": "Isolated", "invert": False}
    answer = ours([{"pre_tokenizer": stage, "text": "a"}])[0]
    assert "regular expression" in answer["error"] and "\n" not in answer["error"]
