"""WordPiece and WordLevel against Hugging Face's tokenizers: random vocabularies, and ones that it trains."""

import random

import pytest
from nasty_texts import nasty_texts
from random_vocabularies import ALPHABETS, random_texts, random_tokens
from test_unigram import compare

tokenizers = pytest.importorskip("tokenizers")
WORDS = "the tide turns the wheels of the mill by the water, twice a day; été Mühle STRASSE 潮の満ち引き x86_64".split()


@pytest.mark.parametrize("seed", range(30))
def test_random_vocabularies(tidemill, tmp_path, seed):
    rng = random.Random(seed)
    alphabet = rng.choice(ALPHABETS)
    tokens = random_tokens(rng, alphabet)
    prefix = rng.choice(["##", "##", "", "#", "a"])
    vocab = {token: k for k, token in enumerate(dict.fromkeys(["[UNK]", *tokens, *(prefix + t for t in tokens)]))}
    oracle = tokenizers.Tokenizer(
        tokenizers.models.WordPiece(
            vocab, unk_token="[UNK]", continuing_subword_prefix=prefix, max_input_chars_per_word=rng.choice([100, 5, 0, 5000])
        )
    )
    if rng.random() < 0.5:
        oracle.pre_tokenizer = tokenizers.pre_tokenizers.BertPreTokenizer()
    compare(tidemill, tmp_path, oracle, random_texts(rng, alphabet + " #", 100) + nasty_texts(40, seed=seed, snippets=tokens))


@pytest.mark.parametrize("lowercase", [True, False])
def test_trained_like_bert(tidemill, tmp_path, lowercase):
    oracle = tokenizers.BertWordPieceTokenizer(lowercase=lowercase)
    rng = random.Random(1)
    oracle.train_from_iterator([" ".join(rng.choices(WORDS, k=12)) for _ in range(300)], vocab_size=200, show_progress=False)
    texts = nasty_texts(800, seed=6, snippets=[*WORDS, "[CLS]", "[MASK]", "##s"])
    compare(tidemill, tmp_path, oracle, [*texts, "a" * 100, "a" * 101, "é" * 101, "the" * 40])


def random_normalizer(rng):
    normalizers = tokenizers.normalizers
    if rng.random() < 0.7:
        strip_accents = rng.choice([True, False, None])
        return normalizers.BertNormalizer(rng.random() < 0.5, rng.random() < 0.5, strip_accents, rng.random() < 0.5)
    parts = [normalizers.NFKD(), normalizers.NFC(), normalizers.StripAccents(), normalizers.Lowercase(), normalizers.Nmt(), normalizers.Replace("``", '"')]
    return normalizers.Sequence(rng.sample(parts, rng.randint(1, 4)))


def random_pre_tokenizer(rng):
    pre_tokenizers = tokenizers.pre_tokenizers
    first = rng.choice([pre_tokenizers.BertPreTokenizer, pre_tokenizers.BertPreTokenizer, pre_tokenizers.Whitespace, pre_tokenizers.WhitespaceSplit])()
    return pre_tokenizers.Sequence([first, pre_tokenizers.Digits(True)]) if rng.random() < 0.3 else first


def does_not_panic(oracle, text):
    """False where characters of several bytes stand beside added tokens, as the library may cut them."""
    try:
        oracle.encode(text)
    except BaseException as problem:  # noqa: BLE001
        assert "panic" in type(problem).__name__.lower()
        return False
    return True


@pytest.mark.parametrize("seed", range(20))
def test_words_come_back_as_they_were(tidemill, tmp_path, seed):
    """Every text twice, so that the second time its words are remembered; single characters show what was normalized."""
    rng = random.Random(seed)
    words = [*WORDS, "İstanbul", "ΣΊΣΥΦΟΣ", "ﬁn", "각", "e\u0301t", "\u0301x", "a\u00a0b", "\u200dz", "\u0600", "C\u0327\u0301", "〇文x"]
    texts = nasty_texts(250, seed=seed, snippets=[*words, "[MASK]", "tide mill", "zz"]) + [" ".join(rng.choices(words, k=12)) for _ in range(50)]
    characters = sorted({c for text in texts for c in text if c.isprintable() and c != " "})
    vocab = {token: k for k, token in enumerate(["[UNK]", *characters, *("##" + c for c in characters)])}
    oracle = tokenizers.Tokenizer(tokenizers.models.WordPiece(vocab, unk_token="[UNK]"))
    oracle.normalizer = random_normalizer(rng)
    oracle.pre_tokenizer = random_pre_tokenizer(rng)
    for content in rng.sample(["[MASK]", "zz", "tide mill", "Mühle", "e\u0301"], rng.randint(0, 3)):
        flags = {flag: rng.random() < 0.5 for flag in ["single_word", "lstrip", "rstrip", "normalized"]}
        oracle.add_tokens([tokenizers.AddedToken(content, **flags)])
    texts = [text for text in texts if does_not_panic(oracle, text)]
    assert len(texts) > 50
    compare(tidemill, tmp_path, oracle, texts + texts)


def test_word_level(tidemill, tmp_path):
    oracle = tokenizers.Tokenizer(tokenizers.models.WordLevel({word: k for k, word in enumerate(["[UNK]", *dict.fromkeys(WORDS)])}, unk_token="[UNK]"))
    oracle.pre_tokenizer = tokenizers.pre_tokenizers.WhitespaceSplit()
    compare(tidemill, tmp_path, oracle, nasty_texts(400, seed=7, snippets=WORDS))
