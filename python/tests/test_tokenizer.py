"""Tokenizer: the numbers of the C++ class, in Python's habits."""

import json
import threading

import pytest
import tidemill

TEXTS = ["the tide mill", "", "Mühlrad 🌊", "a" * 300, "the mill\nand the tide"]


@pytest.fixture(scope="module")
def tokenizer(tiny_model):
    return tidemill.Tokenizer.from_file(tiny_model)


def test_encode_and_decode(tokenizer):
    for text in TEXTS:
        ids = tokenizer.encode(text, add_special_tokens=False)
        assert tokenizer.decode(ids) == text and tokenizer.count(text, add_special_tokens=False) == len(ids)
    assert tokenizer.encode("the")[0] == tokenizer.bos_id and tokenizer.is_special(tokenizer.bos_id)
    assert tokenizer.token_id(tokenizer.token_name(7)) == 7 and tokenizer.token_id("no such token") is None
    assert len(tokenizer) == tokenizer.vocab_size


def test_batches(tokenizer):
    expected = [tokenizer.encode(text) for text in TEXTS]
    for num_threads in (0, 1, 2):
        assert tokenizer.encode_batch(TEXTS, num_threads=num_threads) == expected
    padded = tokenizer.encode_batch(TEXTS, padding=True, pad_id=3, max_length=8)
    assert {len(ids) for ids in padded} == {8} and padded[1][-1] == 3
    assert tokenizer.encode_batch([], num_threads=2) == []


def test_offsets_count_characters(tokenizer):
    text = "Mühlrad 🌊 the"
    ids, offsets = tokenizer.encode_offsets(text, add_special_tokens=False)
    assert ids == tokenizer.encode(text, add_special_tokens=False) and len(ids) == len(offsets)
    assert offsets[-1][1] == len(text) and all(begin <= end for begin, end in offsets)


def test_what_is_known_of_each_token(tmp_path):
    vocab = {word: id for id, word in enumerate(["[UNK]", "the", "tide", "mill"])}
    (tmp_path / "tokenizer.json").write_text(json.dumps(
        {"version": "1.0", "added_tokens": [], "pre_tokenizer": {"type": "Whitespace"},
         "model": {"type": "WordLevel", "vocab": vocab, "unk_token": "[UNK]"}}))  # fmt: skip
    tokenizer = tidemill.Tokenizer.from_file(tmp_path)
    encoding = tokenizer.encode_full("the tide mill", max_length=2)
    assert encoding.ids == [1, 2] and encoding.word_ids == [0, 1] and encoding.byte_offsets == [(0, 3), (4, 8)]
    assert encoding.attention_mask == [1, 1] and [part.ids for part in encoding.overflowing] == [[3]]
    pair = tokenizer.encode_full("the", "tide mill")
    assert pair.ids == [1, 2, 3] and pair.sequence_ids == [0, 1, 1]


def test_the_cache_is_counted(tiny_model):
    tokenizer = tidemill.Tokenizer.from_file(tiny_model, cache_bytes=1 << 20)
    for _ in range(3):
        tokenizer.encode("the tide mill and the mill of the tide")
    assert tokenizer.cache_statistics().bytes >= 0
    without = tidemill.Tokenizer.from_file(tiny_model, cache_bytes=0)
    without.encode("the tide mill")
    assert without.cache_statistics().hits == 0


def test_many_threads(tokenizer):
    expected, wrong = [tokenizer.encode(text) for text in TEXTS], []

    def work():
        for _ in range(50):
            if [tokenizer.encode(text) for text in TEXTS] != expected:
                wrong.append(1)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


@pytest.mark.parametrize(
    "call, kind",
    [
        (lambda tokenizer: tokenizer.decode([10**8]), tidemill.ArgumentError),
        (lambda tokenizer: tokenizer.decode([-1]), tidemill.ArgumentError),
        (lambda tokenizer: tokenizer.encode(b"bytes"), TypeError),
        (lambda tokenizer: tokenizer.encode("x", special_text="maybe"), ValueError),
        (lambda tokenizer: tokenizer.encode("x", max_length=8, truncation_side="up"), ValueError),
        (lambda tokenizer: tokenizer.encode("x", wrong=1), TypeError),
        (lambda tokenizer: tokenizer.encode_batch(["x"], num_threads=-3), ValueError),
        (lambda tokenizer: tidemill.Tokenizer.from_file("/no/such/file"), tidemill.NotFound),
    ],
)
def test_what_is_refused(tokenizer, call, kind):
    with pytest.raises(kind):
        call(tokenizer)
