"""Every pre-tokenizer against Hugging Face's tokenizers: all characters, generated texts, offsets, after normalizers."""

import pytest
from nasty_texts import nasty_texts
from text_stages import byte_starts, described, ours

tokenizers = pytest.importorskip("tokenizers")
N, P = tokenizers.normalizers, tokenizers.pre_tokenizers
SCALARS = [chr(c) for c in range(0x110000) if not 0xD800 <= c < 0xE000]
BEHAVIORS = ["removed", "isolated", "merged_with_previous", "merged_with_next", "contiguous"]

PRE_TOKENIZERS = {
    "whitespace": P.Whitespace(),
    "whitespace_split": P.WhitespaceSplit(),
    "bert": P.BertPreTokenizer(),
    **{f"punctuation_{behavior}": P.Punctuation(behavior) for behavior in BEHAVIORS},
    "char_delimiter": P.CharDelimiterSplit("\u2581"),
    "char_delimiter_ascii": P.CharDelimiterSplit(" "),
    "digits": P.Digits(individual_digits=False),
    "single_digits": P.Digits(individual_digits=True),
    "unicode_scripts": P.UnicodeScripts(),
    "fixed_length": P.FixedLength(length=3),
    "fixed_length_1": P.FixedLength(length=1),
    "metaspace": P.Metaspace(),
    "metaspace_first": P.Metaspace(prepend_scheme="first"),
    "metaspace_never": P.Metaspace(prepend_scheme="never"),
    "metaspace_unsplit": P.Metaspace(split=False),
    "metaspace_underscore": P.Metaspace(replacement="_", prepend_scheme="first", split=False),
    "byte_level": P.ByteLevel(add_prefix_space=False),
    "byte_level_prefix": P.ByteLevel(add_prefix_space=True),
    "byte_level_whole": P.ByteLevel(add_prefix_space=True, use_regex=False),
    "nothing": P.Sequence([]),
    "xlm_r": P.Sequence([P.WhitespaceSplit(), P.Metaspace()]),
    "late_first": P.Sequence([P.Punctuation("removed"), P.Metaspace(prepend_scheme="first")]),
    "starcoder": P.Sequence([P.Digits(individual_digits=True), P.ByteLevel(add_prefix_space=False)]),
    "falcon": P.Sequence([P.Punctuation("contiguous"), P.ByteLevel(add_prefix_space=False), P.Digits(), P.FixedLength(length=4)]),
    "prefixes": P.Sequence([P.WhitespaceSplit(), P.ByteLevel(add_prefix_space=True), P.Metaspace(replacement="\u0120")]),
    "cuts": P.Sequence([P.UnicodeScripts(), P.WhitespaceSplit(), P.Digits(individual_digits=True), P.FixedLength(length=2)]),
}
NORMALIZERS = {
    "none": N.Sequence([]),
    "strip": N.Strip(),
    "nfkd": N.NFKD(),
    "prepend": N.Prepend("x "),
    "bert": N.BertNormalizer(),
    "shrinking": N.Sequence([N.NFKD(), N.StripAccents(), N.Replace("  ", " "), N.Strip(), N.NFC()]),
}


def texts():
    snippets = ["\u2581", "  ", " ", "\u3000", "1", "\u00b2", "\u2168", "!", "\u3002", "\u166d", "_", "\u30fc", "\u3042\u30a2\u4e00", "\u200d"]
    return nasty_texts(900, seed=10, snippets=[*snippets, "'s", "\u0301", "\u0378", "\u0589", "\u0953", "\u05d0 a\u05d0"])


def test_all_behaviors_of_the_example():
    for behavior in BEHAVIORS:
        pre_tokenizer = P.Punctuation(behavior)
        found = ours([{"pre_tokenizer": described(pre_tokenizer), "text": "-the-final--countdown--"}])[0]["pieces"]
        assert [tuple(piece) for piece in found] == [(text, *offsets) for text, offsets in pre_tokenizer.pre_tokenize_str("-the-final--countdown--")]


@pytest.mark.parametrize("name", PRE_TOKENIZERS)
def test_pieces_equal_the_reference(name):
    pre_tokenizer = PRE_TOKENIZERS[name]
    all_texts = texts()
    answers = ours([{"pre_tokenizer": described(pre_tokenizer), "text": text} for text in all_texts])
    for text, answer in zip(all_texts, answers, strict=True):
        starts = byte_starts(text)
        expected = [[piece, starts[begin], starts[end]] for piece, (begin, end) in pre_tokenizer.pre_tokenize_str(text) if piece]
        assert answer["pieces"] == expected, ascii(text)


@pytest.mark.parametrize(
    "name", ["whitespace", "whitespace_split", "bert", "punctuation_isolated", "digits", "unicode_scripts", "byte_level", "metaspace"]
)
def test_every_character(name):
    pre_tokenizer = PRE_TOKENIZERS[name]
    parts = ["a".join(SCALARS[begin : begin + 2048]) for begin in range(0, len(SCALARS), 2048)]
    answers = ours([{"pre_tokenizer": described(pre_tokenizer), "text": part} for part in parts])
    for part, answer in zip(parts, answers, strict=True):
        found = [piece for piece, _, _ in answer["pieces"]]
        assert found == [piece for piece, _ in pre_tokenizer.pre_tokenize_str(part)]


@pytest.fixture(scope="module")
def of_characters():
    """A model with one token per character, from which pieces can be read off."""
    return tokenizers.Tokenizer(tokenizers.models.BPE(vocab={c: k for k, c in enumerate(SCALARS)}, merges=[]))


def reference(tokenizer, text):
    starts = byte_starts(text)
    encoding = tokenizer.encode(text)
    pieces = []
    previous = None
    for token, word, (begin, end) in zip(encoding.tokens, encoding.word_ids, encoding.offsets, strict=True):
        if word == previous:
            pieces[-1] = [pieces[-1][0] + token, pieces[-1][1], starts[end]]
        else:
            pieces.append([token, starts[begin], starts[end]])
        previous = word
    return pieces


@pytest.mark.parametrize("normalizer_name", NORMALIZERS)
@pytest.mark.parametrize("name", ["metaspace", "metaspace_first", "late_first", "bert", "byte_level_prefix", "prefixes", "cuts", "falcon"])
def test_pieces_after_a_normalizer(of_characters, name, normalizer_name):
    pre_tokenizer, normalizer = PRE_TOKENIZERS[name], NORMALIZERS[normalizer_name]
    of_characters.normalizer, of_characters.pre_tokenizer = normalizer, pre_tokenizer
    all_texts = texts()[:500]
    stages = {"normalizer": described(normalizer), "pre_tokenizer": described(pre_tokenizer)}
    answers = ours([{**stages, "text": text} for text in all_texts])
    for text, answer in zip(all_texts, answers, strict=True):
        assert answer["pieces"] == reference(of_characters, text), ascii(text)
