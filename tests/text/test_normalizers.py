"""Every normalizer against Hugging Face's tokenizers: all characters, generated texts, and the offsets of each byte."""

import unicodedata

import pytest
from nasty_texts import nasty_texts
from text_stages import byte_starts, described, ours

tokenizers = pytest.importorskip("tokenizers")
N = tokenizers.normalizers
SCALARS = [chr(c) for c in range(0x110000) if not 0xD800 <= c < 0xE000]


def bert(clean_text=False, handle_chinese_chars=False, strip_accents=False, lowercase=False):
    return N.BertNormalizer(clean_text, handle_chinese_chars, strip_accents, lowercase)


# Those that look at single characters are tried on each.
OF_CHARACTERS = {
    "nfc": N.NFC(),
    "nfd": N.NFD(),
    "nfkc": N.NFKC(),
    "nfkd": N.NFKD(),
    "lowercase": N.Lowercase(),
    "strip_accents": N.StripAccents(),
    "strip": N.Strip(),
    "nmt": N.Nmt(),
    "byte_level": N.ByteLevel(),
    "bert_clean": bert(clean_text=True),
    "bert_chinese": bert(handle_chinese_chars=True),
    "bert_accents": bert(strip_accents=True),
    "bert": N.BertNormalizer(),
}
NORMALIZERS = {
    **OF_CHARACTERS,
    "strip_left": N.Strip(left=True, right=False),
    "strip_right": N.Strip(left=False, right=True),
    "bert_cased": N.BertNormalizer(lowercase=False),
    "bert_accents_kept": N.BertNormalizer(strip_accents=False),
    "prepend": N.Prepend("\u2581"),
    "prepend_two": N.Prepend("a\u2581"),
    "replace": N.Replace(" ", "\u2581"),
    "replace_longer": N.Replace("a", "bcd"),
    "replace_by_nothing": N.Replace("\u00e9", ""),
    "replace_two": N.Replace("  ", " "),
    "replace_nothing": N.Replace("", "-"),
    "empty": N.Sequence([]),
    "gemma": N.Sequence([N.Prepend("\u2581"), N.Replace(" ", "\u2581")]),
    "albert": N.Sequence([N.Replace("``", '"'), N.Replace("''", '"'), N.NFKD(), N.StripAccents(), N.Lowercase()]),
    "forms": N.Sequence([N.NFD(), N.Lowercase(), N.NFKC(), N.Strip(), N.NFD(), N.NFC()]),
    "shrinking": N.Sequence([N.NFKD(), N.StripAccents(), N.Nmt(), N.Strip(), N.Prepend(" "), N.Lowercase(), N.NFC()]),
}
MARKS = "\u0300\u0301\u0308\u0323\u0327\u0345\u05b0\u093c\u094d\u0e38\u0f71\u1039\u302a\u3099\u1100\u1161\u11a8\uac00\uac01"


def texts():
    """Nasty texts, and texts of marks, of what they compose with, and of letters of Hangul."""
    letters = "aeoAEOıİΣ\u212b\u1e9b\ufb03\u00e9\u1ec7\u0958\u0344\u0f73\u1ebf \u3042\u304b"
    marked = nasty_texts(1500, seed=8, snippets=[*MARKS, *letters, MARKS[:4], "e\u0301", "a\u0323\u0302", "\u0344\u0345"])
    return marked + nasty_texts(700, seed=9)


@pytest.fixture(scope="module")
def of_characters():
    """A model with one token per character: its offsets are those of single characters."""
    return tokenizers.Tokenizer(tokenizers.models.BPE(vocab={c: k for k, c in enumerate(SCALARS)}, merges=[]))


def reference(tokenizer, normalizer, text):
    """(normalized text, [(begin, end) in bytes of `text` per byte of it])"""
    tokenizer.normalizer = normalizer
    encoding = tokenizer.encode(text)
    starts = byte_starts(text)
    origins = []
    for token, (begin, end) in zip(encoding.tokens, encoding.offsets, strict=True):
        origins += [[starts[begin], starts[end]]] * len(token.encode())
    return "".join(encoding.tokens), origins


@pytest.mark.parametrize("name", NORMALIZERS)
def test_texts_and_origins_equal_the_reference(of_characters, name):
    normalizer = NORMALIZERS[name]
    all_texts = texts()
    answers = ours([{"normalizer": described(normalizer), "text": text, "offsets": True} for text in all_texts])
    for text, answer in zip(all_texts, answers, strict=True):
        expected, origins = reference(of_characters, normalizer, text)
        assert answer["text"] == expected, ascii(text)
        # A text that was not touched knows bytes; the reference knows whole characters.
        found = answer["origins"] if answer["copied"] else reference(of_characters, None, text)[1]
        assert found == origins, ascii(text)


@pytest.mark.parametrize("name", [name for name, n in NORMALIZERS.items() if not isinstance(n, N.Sequence)])
def test_what_does_not_change_is_not_copied(name):
    normalizer = NORMALIZERS[name]
    unchanged = [text for text in texts() if normalizer.normalize_str(text) == text]
    answers = ours([{"normalizer": described(normalizer), "text": text} for text in unchanged])
    assert [text for text, answer in zip(unchanged, answers, strict=True) if answer["copied"]] == []


@pytest.mark.parametrize("name", OF_CHARACTERS)
def test_every_character(name):
    normalizer = OF_CHARACTERS[name]
    parts = ["a".join(SCALARS[begin : begin + 512]) for begin in range(0, len(SCALARS), 512)]
    answers = ours([{"normalizer": described(normalizer), "text": part} for part in parts])
    for part, answer in zip(parts, answers, strict=True):
        assert answer["text"] == normalizer.normalize_str(part)


# Combining classes and compositions show only beside other characters.
@pytest.mark.parametrize("name", ["nfc", "nfd"])
def test_every_character_between_marks(name):
    normalizer = OF_CHARACTERS[name]
    marks = "\u0345\u0301\u0323\u3099\u094d"
    decomposed = OF_CHARACTERS["nfd"].normalize_str
    # Hangul has a test of its own beside the tables.
    active = [c for c in SCALARS if not "\uac00" <= c <= "\ud7a3" and (unicodedata.combining(c) or decomposed(c) != c)]
    assert len(active) > 2500
    parts = [f"{mark}{c}{mark}\u0334" for c in active for mark in marks]
    lines = ["b".join(parts[begin : begin + 500]) for begin in range(0, len(parts), 500)]
    answers = ours([{"normalizer": described(normalizer), "text": line} for line in lines])
    for line, answer in zip(lines, answers, strict=True):
        assert answer["text"] == normalizer.normalize_str(line)
