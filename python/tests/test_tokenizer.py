"""Tokenizer: the numbers of the C++ class, in Python's habits."""

import gc
import json
import pickle
import threading

import numpy as np
import pytest
import tidemill
from hypothesis import given, settings
from hypothesis import strategies as st
from tidemill.tokenizer import FastTokenizer, TokenizerConfig

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


def test_processes_load_their_own(tokenizer, engine, tiny_model):
    for one in (tokenizer, engine.tokenizer, FastTokenizer(TokenizerConfig(tiny_model, cache_capacity=3), cache_bytes=1 << 16)):
        made = pickle.loads(pickle.dumps(one))
        assert type(made) is type(one) and made.encode_batch(TEXTS) == one.encode_batch(TEXTS)
    with pytest.raises(TypeError, match="pickled"):
        pickle.dumps(tidemill.Tokenizer(tokenizer._native))


def test_the_collector_works_on_after_a_batch(tokenizer):
    for enabled in (True, False):
        (gc.enable if enabled else gc.disable)()
        try:
            tokenizer.encode_batch(TEXTS)
            assert gc.isenabled() is enabled
            with pytest.raises(TypeError):
                tokenizer.encode_batch([None])
            assert gc.isenabled() is enabled
        finally:
            gc.enable()


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


ANY_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)
MANY = settings(max_examples=150)


@MANY
@given(st.lists(ANY_TEXT, max_size=8))
def test_all_ways_to_encode_agree(tokenizer, texts):
    expected = [tokenizer.encode(text) for text in texts]
    assert tokenizer.encode_batch(texts, num_threads=2) == expected
    ids, begins = tokenizer.encode_batch_flat(texts, num_threads=2)
    assert ids.dtype == np.int32 and begins.dtype == np.int64 and len(begins) == len(texts) + 1
    assert [ids[begin:end].tolist() for begin, end in zip(begins, begins[1:])] == expected
    assert tidemill.batch_encode(tokenizer, texts) == expected == tidemill.batch_encode(tokenizer, texts, parallel=False)
    assert tokenizer.decode_batch(expected) == [tokenizer.decode(ids) for ids in expected]
    for text, wanted in zip(texts, expected):
        assert tokenizer.encode_full(text).ids == wanted and tokenizer.encode_offsets(text)[0] == wanted


@MANY
@given(ANY_TEXT, st.integers(1, 12), st.booleans(), st.sampled_from(["left", "right"]))
def test_truncation_and_padding(tokenizer, text, length, pads, side):
    whole = tokenizer.encode(text, add_special_tokens=False)
    ids = tokenizer.encode(text, add_special_tokens=False, max_length=length, truncation_side=side,
                           padding=length if pads else False, pad_id=5, padding_side=side)  # fmt: skip
    cut = whole[:length] if side == "right" else whole[-length:]
    filling = [5] * (length - len(cut)) if pads else []
    assert ids == (filling + cut if side == "left" else cut + filling)


def test_the_vocabulary(tokenizer):
    vocab = tokenizer.vocab()
    assert len(vocab) <= tokenizer.vocab_size
    for name, id in list(vocab.items())[:200]:
        assert tokenizer.token_name(id) == name
    for name in ("token_name", "is_special"):
        with pytest.raises(tidemill.ArgumentError):
            getattr(tokenizer, name)(tokenizer.vocab_size)


def test_names_that_are_bytes():
    tokenizer = FastTokenizer()
    vocab = tokenizer.vocab()
    assert len(vocab) == tokenizer.vocab_size and vocab["a"] == 97 and vocab["\udc80"] == 0x80
    assert all(tokenizer.token_id(name) == id for name, id in vocab.items())
    with pytest.raises(TypeError, match="name"):
        tokenizer.token_id(5)


@MANY
@given(st.lists(st.sampled_from(["the tide", "a mill", "", "Mühlrad", "x" * 100]), max_size=30), st.integers(0, 4))
def test_a_fast_tokenizer_gives_the_same_ids(tiny_model, texts, capacity):
    plain = FAST.setdefault("plain", tidemill.Tokenizer.from_file(tiny_model))
    fast = FAST.setdefault(capacity, FastTokenizer(TokenizerConfig(model=tiny_model, cache_capacity=capacity, parallel=False)))
    before = fast.cache_stats()
    assert [fast.encode(text) for text in texts] == [plain.encode(text) for text in texts]
    assert fast.encode_batch(texts) == plain.encode_batch(texts) == fast.encode_batch(texts, num_threads=2)
    now = fast.cache_stats()
    assert now.entries <= capacity and now.hits + now.misses - before.hits - before.misses == (3 * len(texts) if capacity else 0)


FAST = {}


def test_encodings_are_counted():
    fast = FastTokenizer(TokenizerConfig(cache_capacity=2))
    for text in ("a", "b", "a", "c", "a", "b"):
        fast.encode(text)
    counted = fast.cache_stats()
    assert (counted.hits, counted.misses, counted.evictions, counted.entries) == (2, 4, 2, 2) and counted.bytes > 0
    assert fast.encode("a", max_length=1, padding=3) != fast.encode("a")
    fast.clear_cache()
    assert fast.cache_stats().entries == 0


def test_special_tokens_of_a_configuration(tiny_model, tokenizer):
    name = tokenizer.token_name(tokenizer.bos_id)
    fast = FastTokenizer(TokenizerConfig(model=tiny_model, pad_token=name, eos_token=name, add_special_tokens=False))
    assert fast.pad_id == tokenizer.bos_id and fast.stop_ids == [tokenizer.bos_id] and fast.bos_id == tokenizer.bos_id
    assert fast.encode("the") == tokenizer.encode("the", add_special_tokens=False)
    assert fast.encode("the", padding=6)[-1] == tokenizer.bos_id
    assert isinstance(FastTokenizer.from_file(tiny_model), tidemill.Tokenizer)
    assert FastTokenizer().encode("ab") == [97, 98] and FastTokenizer(TokenizerConfig(use_simd=False)).decode([97]) == "a"


def test_training(tmp_path):
    text = tmp_path / "text.txt"
    text.write_text("the tide mill and the tide of the mill\n" * 50)
    phases = []
    trained = tidemill.Tokenizer.train(text, tmp_path / "tokenizer.json", vocab_size=300, special_tokens=["<end>"],
                                       on_progress=lambda phase, share: phases.append((phase, share)))  # fmt: skip
    assert trained.token_id("<end>") == 0 and trained.vocab_size <= 300 and len(trained.encode("the tide")) == 2
    assert phases and all(0 <= share <= 1 for _, share in phases)
    with pytest.raises(tidemill.ArgumentError, match="kind"):
        tidemill.Tokenizer.train([text], tmp_path / "x.json", kind="words")
    with pytest.raises(tidemill.NotFound):
        tidemill.Tokenizer.train([tmp_path / "none.txt"], tmp_path / "x.json")
    with pytest.raises(TypeError):
        tidemill.Tokenizer.train([text], tmp_path / "x.json", wrong=1)

    def stop(*_):
        raise RuntimeError("enough")

    with pytest.raises(RuntimeError, match="enough"):
        tidemill.Tokenizer.train([text], tmp_path / "x.json", on_progress=stop)
    assert not (tmp_path / "x.json").exists()


def test_a_damaged_file_has_a_cause(tmp_path):
    (tmp_path / "tokenizer.json").write_text('{"model": {"type": "BPE", "vocab": 5}}')
    with pytest.raises(tidemill.TokenizerError) as caught:
        tidemill.Tokenizer.from_file(tmp_path / "tokenizer.json")
    assert isinstance(caught.value.__cause__, tidemill.FormatError) and str(caught.value) == str(caught.value.__cause__)
    assert caught.value.file and caught.value.file.endswith("tokenizer.json") and caught.value.tensor is None


@pytest.mark.parametrize(
    "call, kind, names",
    [
        (lambda: FastTokenizer(TokenizerConfig(cache_capacity=-1)), ValueError, "cache_capacity"),
        (lambda: FastTokenizer(TokenizerConfig(pad_token="no such token")), ValueError, "pad_token"),
        (lambda: FastTokenizer(TokenizerConfig(model="/no/such/file")), tidemill.NotFound, "/no/such/file"),
        (lambda: FastTokenizer("bytes"), TypeError, "config"),
        (lambda: tidemill.batch_encode("bytes", ["x"]), TypeError, "tokenizer"),
        (lambda: tidemill.batch_encode(FastTokenizer(), [5]), TypeError, "texts"),
        (lambda: tidemill.batch_encode(FastTokenizer(), "text"), TypeError, "texts"),
        (lambda: tidemill.batch_encode(FastTokenizer(), ["text"], wrong=5), TypeError, "wrong"),
        (lambda: FastTokenizer().decode_batch([[300]]), ValueError, "300"),
        (lambda: FastTokenizer().decode_batch([["x"]]), TypeError, "batch"),
    ],
)
def test_what_else_is_refused(call, kind, names):
    with pytest.raises(kind, match=names):
        call()
