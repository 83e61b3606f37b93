"""SentencePiece .model files against sentencepiece: random ones with every option, and ones that it trains."""

import io
import os
import pathlib
import random

import pytest
from nasty_texts import nasty_texts
from random_vocabularies import ALPHABETS, random_scores, random_texts, random_tokens
from sentencepiece_files import (
    BPE, BYTE, CHAR, CONTROL, NORMAL, UNIGRAM, UNKNOWN, UNUSED, USER_DEFINED, WORD, byte_pieces, model_file
)
from tokenize_command import TokenizeCommand, first_difference

sentencepiece = pytest.importorskip("sentencepiece")
SPECIAL = [("<unk>", 0.0, UNKNOWN), ("<s>", 0.0, CONTROL), ("</s>", 0.0, CONTROL)]
TYPES = [[NORMAL], [NORMAL] * 5 + [USER_DEFINED], [NORMAL] * 4 + [USER_DEFINED, UNUSED, CONTROL]]
SENTENCES = """The mill stands by the water, and the tide turns its wheels twice a day.
Die Gezeitenmühle mahlt, wenn das Wasser fällt; sie steht, wenn es steigt.
Le moulin à marée moud la farine deux fois par jour, été comme hiver.
潮の満ち引きで回る水車は、一日に二度だけ粉を挽く。
Приливная мельница работает дважды в день, ﬁrst ½ and then ①.""".split("\n")
SNIPPETS = ["<s>", "</s>", "<unk>", "<0x41>", "[usr]", "  ", "\u2581\u2581", "ﬁ", "①", "\u00a0", "\u3000", "\u2047"]


def precompiled_map(name):
    """The character map that sentencepiece comes with under that name."""
    folder = pathlib.Path(sentencepiece.__file__).parent / "package_data"
    return (folder / f"{name}.bin").read_bytes()


def trained(tmp_path, name, **options):
    model = io.BytesIO()
    lines = [" ".join(random.Random(seed).sample(sentence.split(), len(sentence.split()))) for seed in range(20) for sentence in SENTENCES]
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(lines), model_writer=model, minloglevel=2, hard_vocab_limit=False, num_threads=1, **options
    )
    path = tmp_path / f"{name}.model"
    path.write_bytes(model.getvalue())
    return path


def compare(tidemill, path, texts, with_offsets=True, has_denormalizer=False):
    """Ids, offsets and decoded text of all texts, and decoded text of random ids."""
    oracle = sentencepiece.SentencePieceProcessor(model_file=str(path))
    ours = TokenizeCommand(tidemill, path)
    answers = [oracle.encode(text, return_type="offset_mapping") for text in texts]
    ids = [answer["ids"] for answer in answers]
    assert not first_difference(texts, ours.encode(texts), ids)
    if with_offsets:
        assert not first_difference(texts, ours.offsets(texts), [answer["offsets"] for answer in answers])
    rng = random.Random(len(texts))
    ids = [some[:200] for some in ids] + [[rng.randrange(len(oracle)) for _ in range(rng.randint(0, 12))] for _ in range(100)]
    decoded = [oracle.decode(some) for some in ids]
    assert not first_difference(ids, ours.decode(ids), decoded)
    # A denormalizer sees the text as a whole, and a run of bytes may begin well and turn out not to be UTF-8.
    streamed = ["".join(chunk or "" for chunk in chunks) for chunks in ours.stream(ids)]
    if not has_denormalizer:
        assert all(one == other or "\ufffd" in other for one, other in zip(streamed, decoded, strict=True))


def random_model(rng):
    """(content, the letters of its pieces, their kind, byte fallback, denormalizer) of a file that sentencepiece may refuse."""
    alphabet = rng.choice(ALPHABETS)
    kind = rng.choice([UNIGRAM, UNIGRAM, BPE, BPE, WORD, CHAR])
    tokens = random_tokens(rng, alphabet)
    if kind == BPE and rng.random() < 0.7:
        tokens += [letter for letter in alphabet if letter not in tokens]
    types = rng.choice(TYPES)
    pieces = SPECIAL + [(t, s, rng.choice(types)) for t, s in zip(tokens, random_scores(rng, len(tokens)))]
    byte_fallback = rng.random() < 0.3
    if byte_fallback:
        pieces = pieces + byte_pieces()
    maps = [b"", precompiled_map("nmt_nfkc"), precompiled_map("nfkc_cf")]

    def spaces():
        return dict(dummy_prefix=rng.random() < 0.6, remove_extra=rng.random() < 0.5, escape=rng.random() < 0.8)

    suffix, unk_surface = rng.random() < 0.2, rng.choice([None, None, "", "?"])
    denormalizer = rng.choice([None, None, dict(charsmap=rng.choice(maps), **spaces())])
    content = model_file(
        pieces,
        kind,
        byte_fallback=byte_fallback,
        suffix=suffix,
        unk_surface=unk_surface,
        denormalizer=denormalizer,
        charsmap=rng.choice(maps),
        **spaces(),
    )
    return content, alphabet, kind, byte_fallback, denormalizer is not None


@pytest.mark.parametrize("seed", range(40))
def test_random_models(tidemill, tmp_path, seed):
    rng = random.Random(seed)
    content, alphabet, kind, byte_fallback, has_denormalizer = random_model(rng)
    path = tmp_path / "random.model"
    path.write_bytes(content)
    texts = random_texts(rng, alphabet, 60) + nasty_texts(40, seed=seed, snippets=SNIPPETS)
    # Of a word's bytes sentencepiece places all but the last where the word begins, and not at its first byte.
    compare(tidemill, path, texts, not (kind == WORD and byte_fallback), has_denormalizer)


@pytest.mark.parametrize(
    ("name", "options"),
    {
        "unigram": dict(model_type="unigram", vocab_size=300),
        "unigram_bytes": dict(model_type="unigram", vocab_size=600, byte_fallback=True, user_defined_symbols=["[usr]", "  "]),
        "unigram_fold": dict(model_type="unigram", vocab_size=300, normalization_rule_name="nmt_nfkc_cf"),
        "unigram_suffix": dict(model_type="unigram", vocab_size=300, treat_whitespace_as_suffix=True),
        "bpe": dict(model_type="bpe", vocab_size=300),
        "bpe_bytes": dict(model_type="bpe", vocab_size=600, byte_fallback=True, normalization_rule_name="identity",
                          remove_extra_whitespaces=False, user_defined_symbols=["[usr]"]),
        "char": dict(model_type="char", vocab_size=200, control_symbols=["<c>"]),
        "word": dict(model_type="word", vocab_size=200),
    }.items(),
)
def test_trained_models(tidemill, tmp_path, name, options):
    path = trained(tmp_path, name, **options)
    texts = nasty_texts(400, seed=11, snippets=SNIPPETS + SENTENCES[0].split()) + SENTENCES
    compare(tidemill, path, [*texts, "\n".join(texts), "a" * 20000, "潮" * 20000, " mill" * 5000])


def test_sums_begin_anew_in_long_texts(tidemill, tmp_path):
    """Past 100,000 the sum of scores is begun anew, with other rounding."""
    path = trained(tmp_path, "long", model_type="unigram", vocab_size=300)
    rng = random.Random(3)
    words = [word for sentence in SENTENCES for word in sentence.split()]
    compare(tidemill, path, [" ".join(rng.choices(words, k=40000))])


def test_damaged_files_are_refused(tidemill, tmp_path):
    """Exit status 3 and one line, whatever is cut off or changed; never a crash."""
    rng = random.Random(1)
    whole = model_file(SPECIAL + [("a", -1.0, NORMAL), ("<0x41>", 0.0, BYTE)], UNIGRAM, charsmap=precompiled_map("nfkc"))
    good = model_file(SPECIAL + [("a", -1.0, NORMAL)], UNIGRAM)
    path = tmp_path / "damaged.model"
    for content in [whole, b"", *(good[: rng.randrange(len(good))] for _ in range(20)), good + b"\x0b", good + b"\x0a\xff"]:
        path.write_bytes(content)
        done = tidemill.run("tokenize", "--tokenizer", path, "--text", "a")
        assert done.returncode in (0, 3), done.stderr
        if done.returncode == 3:
            assert done.stderr.startswith("error: ") and done.stderr.count("\n") == 1


def extra_models():
    folder = os.environ.get("TIDEMILL_EXTRA_DATA", "")
    return sorted(pathlib.Path(folder).glob("tokenizers/files/*.model")) if folder else []


@pytest.mark.skipif(not extra_models(), reason="TIDEMILL_EXTRA_DATA names no folder with tokenizers/files/*.model")
@pytest.mark.parametrize("path", extra_models(), ids=lambda path: path.stem)
def test_published_models(tidemill, path):
    oracle = sentencepiece.SentencePieceProcessor(model_file=str(path))
    pieces = [oracle.id_to_piece(k) for k in range(0, len(oracle), max(1, len(oracle) // 200))]
    texts = nasty_texts(1500, seed=5, snippets=SNIPPETS + pieces)
    compare(tidemill, path, [*texts, "\n".join(texts)])
