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


def test_word_level(tidemill, tmp_path):
    oracle = tokenizers.Tokenizer(tokenizers.models.WordLevel({word: k for k, word in enumerate(["[UNK]", *dict.fromkeys(WORDS)])}, unk_token="[UNK]"))
    oracle.pre_tokenizer = tokenizers.pre_tokenizers.WhitespaceSplit()
    compare(tidemill, tmp_path, oracle, nasty_texts(400, seed=7, snippets=WORDS))
