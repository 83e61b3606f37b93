"""Unigram training against Hugging Face's UnigramTrainer.

The reference takes words in the order of a hash table that differs from run to run, and its sums with them: last bits
differ, and what depends on them. It is compared where that cannot show: texts of one word, and texts large enough. What
it does in between is restated in unigram_oracle.py, word for word; that and tidemill agree to the last bit on any text.
"""

import json
import pydoc_data.topics

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from nasty_texts import nasty_texts
from tokenize_command import TokenizeCommand, first_difference
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from training_command import PROSE, TEXTS, Trainer, flags, lines_of, random_words
from training_oracle import word_counts
from unigram_oracle import unigram_of_words

METASPACE = pre_tokenizers.Metaspace()


@pytest.fixture(scope="module")
def train(tidemill, tmp_path_factory):
    return Trainer(tidemill, tmp_path_factory.mktemp("training"))


def train_unigram(train, data, vocab_size, special=()):
    return train(data, "--kind", "unigram", "--vocab-size", vocab_size, *flags(special))


def reference_unigram(lines, vocab_size, special=("<unk>",)):
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.pre_tokenizer = METASPACE
    tokenizer.decoder = decoders.Metaspace()
    trainer = trainers.UnigramTrainer(
        vocab_size=vocab_size, special_tokens=list(special), unk_token="<unk>", show_progress=False
    )
    tokenizer.train_from_iterator(lines, trainer)
    return json.loads(tokenizer.to_str())


def vocab_of(tokenizer):
    return [(token, score) for token, score in tokenizer["model"]["vocab"]]


def words_of(data):
    return word_counts(word for line in lines_of(data) for word, _ in METASPACE.pre_tokenize_str(line))


def expect_equal(ours, expected):
    """Whole files; a character that has no piece left gets one of some scores, any of them in the reference."""
    one, other = dict(vocab_of(ours)), dict(vocab_of(expected))
    assert one.keys() == other.keys()
    lost = [c for c in one if len(c) == 1 and abs(one[c] - other[c]) > 1e-6]
    assert sorted(one[c] for c in lost) == pytest.approx(sorted(other[c] for c in lost), abs=1e-6)
    assert all(abs(one[token] - other[token]) <= 1e-6 for token in one if token not in lost)
    assert [score for _, score in vocab_of(ours)] == pytest.approx([score for _, score in vocab_of(expected)], abs=1e-6)
    for made in (ours, expected):
        del made["model"]["vocab"]
    assert ours == expected


def expect_restated(ours, data, vocab_size, special=("<unk>",)):
    expected = unigram_of_words(words_of(data), vocab_size, special)
    assert [token for token, _ in vocab_of(ours)] == [token for token, _ in expected]
    assert [score for _, score in vocab_of(ours)] == pytest.approx([score for _, score in expected], abs=1e-9)


WORDS = ["mississippimississippi", "ab" * 40, "a" * 50, "abcabcabdabcabe" * 3, "日本日本語日本語の日本", "aé🙂aé🙂bé🙂", "a"]
ONE_WORD = st.sampled_from(["ab", "abc", "aAb1.'", "é日🙂a"]).flatmap(lambda letters: st.text(letters, min_size=1, max_size=120))


@pytest.mark.parametrize("word", WORDS)
def test_one_word_gives_what_the_reference_gives(train, word):
    for vocab_size in range(len(set(word)) + 3, 40):
        ours = train_unigram(train, word.encode(), vocab_size)
        expect_equal(ours, reference_unigram([word], vocab_size))


@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(word=ONE_WORD, more=st.integers(0, 40))
def test_any_one_word_gives_what_the_reference_gives(train, word, more):
    vocab_size = len(set(word)) + 2 + more
    ours = train_unigram(train, word.encode(), vocab_size)
    expect_restated(ours, word.encode(), vocab_size)
    if more > 0:  # with no room but for the characters the reference forgets the limit
        expect_equal(ours, reference_unigram([word], vocab_size))


SOME_TEXT = st.sampled_from(["ab", "ab ", "abc \n", "aAb1 .'\n\r\t", "é日🙂a \n", "ab▁ \0\n"])


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(text=SOME_TEXT.flatmap(lambda letters: st.text(letters, max_size=400)), more=st.integers(0, 60))
def test_any_text_gives_what_the_restated_reference_gives(train, text, more):
    data = text.encode()
    vocab_size = len({c for word in words_of(data) for c in word}) + 1 + more
    expect_restated(train_unigram(train, data, vocab_size), data, vocab_size)


@pytest.mark.parametrize("vocab_size", [100, 150, 300])
@pytest.mark.parametrize("name", [name for name in TEXTS if name != "special_in_text"])
def test_small_texts_give_what_the_restated_reference_gives(train, name, vocab_size):
    expect_restated(train_unigram(train, TEXTS[name], vocab_size), TEXTS[name], vocab_size)


def larger_texts():
    manual = "\n".join(text for _, text in sorted(pydoc_data.topics.topics.items()))
    return {"words": random_words(3, 20_000), "prose": manual.encode()[:150_000]}


@pytest.mark.parametrize("vocab_size", [200, 1000, 3000])
@pytest.mark.parametrize("name", ["words", "prose"])
def test_larger_texts_give_what_the_reference_gives(train, name, vocab_size):
    data = larger_texts()[name]
    expect_equal(train_unigram(train, data, vocab_size), reference_unigram(lines_of(data), vocab_size))


def test_the_restated_reference_is_the_reference():
    data = larger_texts()["prose"][:30_000]
    expected = reference_unigram(lines_of(data), 400)
    vocab = [list(token) for token in unigram_of_words(words_of(data), 400)]
    restated = {**expected, "model": {**expected["model"], "vocab": vocab}}
    expect_equal(restated, expected)


def test_the_number_of_threads_changes_nothing(train):
    data = random_words(4, 100_000) + larger_texts()["prose"]
    contents = []
    for threads in (1, 2, 5):
        done, out = train.run(data, "--kind", "unigram", "--vocab-size", 1000, "--threads", threads)
        assert done.returncode == 0, done.stderr
        contents.append(out.read_bytes())
    assert contents[0] == contents[1] == contents[2]


def test_special_tokens_come_first_and_once(train):
    data = TEXTS["prose"]
    ours = train_unigram(train, data, 100, ["<s>", "</s>", "<s>", "▁", "mill"])
    special = ["<unk>", "<s>", "</s>", "▁", "mill"]
    assert [token["content"] for token in ours["added_tokens"]] == special
    assert vocab_of(ours)[:5] == [(token, 0.0) for token in special] and ours["model"]["unk_id"] == 0
    assert len(vocab_of(ours)) == len({token for token, _ in vocab_of(ours)})
    expect_restated(ours, data, 100, special)
    ours = train_unigram(train, data, 100, ["<s>", "<unk>", "</s>"])
    expect_equal(ours, reference_unigram(lines_of(data), 100, ["<s>", "<unk>", "</s>"]))
    assert ours["model"]["unk_id"] == 1


def test_the_name_of_the_unknown_token_is_text(train):
    data = b"see <UNK> here <UNK> and x<UNK>y <UNK> <unk> <unk>\n" * 3
    expect_restated(train_unigram(train, data, 60), data, 60)


def test_nothing_to_learn_from(train):
    for data in (b"", b"\n\n"):
        expect_equal(train_unigram(train, data, 10), reference_unigram([""], 10))


def test_a_vocabulary_without_room_for_the_characters_is_refused(train):
    done, out = train.run(b"abc def\n", "--kind", "unigram", "--vocab-size", 7, "--special", "<s>")
    assert done.returncode == 2 and not out.exists()
    assert done.stderr.startswith("error: vocab_size: 7 ") and "at least 9" in done.stderr
    assert len(vocab_of(train_unigram(train, b"abc def\n", 9, ["<s>"]))) == 9


@pytest.mark.parametrize("option", ["--min-frequency", "--limit-alphabet", "--max-token-length"])
def test_options_of_other_kinds_are_refused(train, option):
    done, out = train.run(b"text", "--kind", "unigram", option, 3)
    assert done.returncode == 2 and option[2:].replace("-", "_") in done.stderr and not out.exists()


def test_the_file_gives_the_same_ids_in_the_reference_and_in_tidemill(train, tidemill):
    done, out = train.run(TEXTS["prose"] + larger_texts()["prose"], "--kind", "unigram", "--vocab-size", 1500, *flags(["<s>"]))
    assert done.returncode == 0, done.stderr
    reference = Tokenizer.from_file(str(out))
    assert reference.decode(reference.encode("The tide mill stood").ids) == "The tide mill stood"
    texts = [PROSE, *PROSE.split("\n"), "<s>The mill<s>", *nasty_texts(300, seed=5)]
    ids = [reference.encode(text).ids for text in texts]
    assert not first_difference(texts, TokenizeCommand(tidemill, out).encode(texts), ids)
