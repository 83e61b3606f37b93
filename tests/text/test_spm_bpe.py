"""SentencePiece BPE models trained on the spot, stored as GGUF, against the sentencepiece library."""

import io
import random

import pytest

from nasty_texts import nasty_texts
from tokenize_command import TokenizeCommand, first_difference

pytest.importorskip("gguf")
sentencepiece = pytest.importorskip("sentencepiece")
from gguf_files import write_sentencepiece  # noqa: E402

# name -> options of the trainer
MODELS = {
    "plain": dict(vocab_size=1000, add_dummy_prefix=False),
    "dummy_prefix": dict(vocab_size=1000, add_dummy_prefix=True),
    "user_defined": dict(
        vocab_size=1000,
        add_dummy_prefix=False,
        user_defined_symbols=["<user>", "<user>>", "\n", "\n\n", "\t", "é", "\u2581\u2581", "\u2581\u2581\u2581\u2581", "mi"],
    ),
    "user_defined_dummy_prefix": dict(
        vocab_size=1000, add_dummy_prefix=True, user_defined_symbols=["<user>", "tide\u2581mill", "\u2581\u2581\u2581"]
    ),
    "across_words": dict(vocab_size=1200, add_dummy_prefix=True, split_by_whitespace=False, max_sentencepiece_length=32),
    "no_bytes": dict(vocab_size=700, add_dummy_prefix=True, byte_fallback=False),
}


def corpus():
    """Sentences in which words and runs repeat, so that merges of every length are learnt."""
    rng = random.Random(4)
    words = [word for text in nasty_texts(300, seed=5) for word in text.split() if len(word) < 9 and word.isprintable()]
    words = ["the", "tide", "mill", "aaaa", "abab", "ababab", "'s", "==", "---", "  ", "water"] * 5 + words[:300]
    return [" ".join(rng.choices(words, k=rng.randint(3, 14))) for _ in range(1500)]


def train(options):
    data = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(corpus()),
        model_writer=data,
        model_type="bpe",
        normalization_rule_name="identity",
        remove_extra_whitespaces=False,
        character_coverage=0.98,
        hard_vocab_limit=False,
        num_threads=1,
        minloglevel=2,
        **{"byte_fallback": True, **options},
    )
    return sentencepiece.SentencePieceProcessor(model_proto=data.getvalue())


@pytest.fixture(scope="module", params=MODELS)
def trained(request, tidemill, tmp_path_factory):
    """(the library's model, our command on the same model as GGUF, texts for both)"""
    options = MODELS[request.param]
    model = train(options)
    path = tmp_path_factory.mktemp("spm") / f"{request.param}.gguf"
    user_defined = options.get("user_defined_symbols", [])
    write_sentencepiece(
        path, "llama", model, user_defined, bos_token_id=model.bos_id(), add_space_prefix=options["add_dummy_prefix"]
    )
    snippets = [model.id_to_piece(index).replace("\u2581", " ") for index in range(model.get_piece_size())]
    texts = nasty_texts(2000, seed=6, snippets=snippets + user_defined * 40)
    if "user_defined_symbols" in options:
        # Literal U+2581 beside user-defined runs of spaces: we follow Hugging Face, see src/text/sentencepiece/spm_tokenizer.h.
        texts = [text.replace("\u2581", " ") for text in texts]
    return model, TokenizeCommand(tidemill, path), texts


def test_ids_equal_those_of_sentencepiece(trained):
    model, ours, texts = trained
    expected = [model.encode(text) for text in texts]
    assert first_difference(texts, ours.encode(texts, parse_special_tokens=False), expected) is None


def test_decoded_text_equals_that_of_sentencepiece(trained):
    model, ours, texts = trained
    lists = [ids for ids in (model.encode(text) for text in texts) if model.unk_id() not in ids]
    assert len(lists) > 100
    assert first_difference(lists, ours.decode(lists), [model.decode(ids) for ids in lists]) is None


def test_streamed_chunks_add_up(trained):
    _, ours, texts = trained
    lists = ours.encode(texts[:500])
    joined = ["".join(chunk or "" for chunk in chunks) for chunks in ours.stream(lists)]
    for text, one, other in zip(texts, joined, ours.decode(lists), strict=False):
        assert one == other or "\ufffd" in text or other.endswith("\ufffd"), ascii(text)


def test_bos_is_added(trained):
    model, ours, _ = trained
    assert ours.encode(["tide"], add_special_tokens=True) == [[model.bos_id(), *model.encode("tide")]]
