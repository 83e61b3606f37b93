"""Unigram of tokenizer.json against Hugging Face's tokenizers: random vocabularies, ties, byte fallback, trained ones."""

import pathlib
import random

import pytest
from nasty_texts import nasty_texts
from random_vocabularies import ALPHABETS, random_scores, random_texts, random_tokens
from tokenize_command import TokenizeCommand, first_difference

tokenizers = pytest.importorskip("tokenizers")


def compare(tidemill, tmp_path, oracle, texts):
    path = tmp_path / "tokenizer.json"
    oracle.save(str(path))
    oracle = tokenizers.Tokenizer.from_file(str(path))  # which reads some scores otherwise than they were written
    ours = TokenizeCommand(tidemill, path)
    encodings = [oracle.encode(text, add_special_tokens=False) for text in texts]
    ids = [encoding.ids for encoding in encodings]
    assert not first_difference(texts, ours.encode(texts), ids)
    assert not first_difference(texts, ours.offsets(texts), [encoding.offsets for encoding in encodings])


def precompiled():
    """The character map of T5 and XLM-R."""
    sentencepiece = pytest.importorskip("sentencepiece")
    folder = pathlib.Path(sentencepiece.__file__).parent / "package_data"
    return tokenizers.normalizers.Precompiled((folder / "nmt_nfkc.bin").read_bytes())


def random_tokenizer(rng, alphabet):
    tokens = ["<unk>", *random_tokens(rng, alphabet, n_most=40)]
    if rng.random() < 0.3:
        tokens += [f"<0x{byte:02X}>" for byte in range(256)]
    vocab = list(zip(tokens, random_scores(rng, len(tokens))))
    # Any token may be the unknown one; it is found in a text all the same.
    unknown = rng.choice([0, 0, 0, 1])
    return tokenizers.Tokenizer(tokenizers.models.Unigram(vocab, unknown, rng.random() < 0.5))


@pytest.mark.parametrize("seed", range(30))
def test_random_vocabularies(tidemill, tmp_path, seed):
    rng = random.Random(seed)
    alphabet = rng.choice(ALPHABETS)
    oracle = random_tokenizer(rng, alphabet)
    if rng.random() < 0.5:
        oracle.pre_tokenizer = tokenizers.pre_tokenizers.Metaspace(prepend_scheme=rng.choice(["always", "never", "first"]))
    texts = random_texts(rng, alphabet, 100) + ["<unk>a<unk><unk>b", "x<unk>y", "<unk>"]
    compare(tidemill, tmp_path, oracle, texts + nasty_texts(40, seed=seed))


def test_a_missing_unknown_token_is_said(tidemill, tmp_path):
    path = tmp_path / "tokenizer.json"
    tokenizers.Tokenizer(tokenizers.models.Unigram([("a", -1.0)], None, False)).save(str(path))
    assert TokenizeCommand(tidemill, path).encode(["aa"]) == [[0, 0]]
    done = tidemill.run("tokenize", "--tokenizer", path, "--text", "ab")
    assert done.returncode != 0 and done.stderr.startswith("error: ") and "'b'" in done.stderr


@pytest.mark.parametrize("with_map", [False, True])
def test_trained_like_t5(tidemill, tmp_path, with_map):
    oracle = tokenizers.Tokenizer(tokenizers.models.Unigram())
    oracle.pre_tokenizer = tokenizers.pre_tokenizers.Metaspace()
    oracle.decoder = tokenizers.decoders.Metaspace()
    trainer = tokenizers.trainers.UnigramTrainer(vocab_size=300, special_tokens=["<pad>", "</s>", "<unk>"], unk_token="<unk>", show_progress=False)
    words = "the tide turns the wheels of the mill by the water, twice a day; été, Mühle, 潮の満ち引き".split()
    rng = random.Random(1)
    oracle.train_from_iterator([" ".join(rng.choices(words, k=12)) for _ in range(300)], trainer)
    if with_map:
        oracle.normalizer = precompiled()
    compare(tidemill, tmp_path, oracle, nasty_texts(600, seed=2, snippets=[*words, "</s>", "<unk>", "ﬁ", "①"]))


def test_precompiled_maps_over_all_clusters(tidemill, tmp_path):
    """Clusters of few bytes are replaced as a whole: accents, joiners, controls, Hangul, what goes before numbers."""
    oracle = tokenizers.Tokenizer(tokenizers.models.Unigram([("<unk>", 0.0), *((chr(c), -1.0) for c in range(32, 127))], 0, False))
    oracle.normalizer = precompiled()
    rng = random.Random(4)
    letters = "ae\r\n\t\u00ad\u00a9\u0600\u06dd\u0300\u0301\u0327\u200d\ufe0f\u20e3\u1100\u1161\u11a8\uac00\uac01\u0915\u094d\ufb01\u2126\u1e9b"
    texts = ["".join(rng.choices(letters, k=rng.randint(1, 9))) for _ in range(3000)]
    compare(tidemill, tmp_path, oracle, texts)
