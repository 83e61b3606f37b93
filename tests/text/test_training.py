"""Trained tokenizers against the trainers of Hugging Face's tokenizers: merges, ids and the whole file.

The reference is deterministic for BPE, so whole files are compared. Its WordPiece gives ids to "##" symbols in the
order of a hash table that differs from run to run; there both are compared with a plain restatement of the algorithm
that is told that order.
"""

import json
import signal
import subprocess
import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from training_command import PROSE, TEXTS, Trainer, flags, lines_of, random_words, whole_lines
from training_oracle import bpe_of_words, word_counts

LLAMA3 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|"
    r"\s+(?!\S)|\s+"
)
@pytest.fixture(scope="module")
def train(tidemill, tmp_path_factory):
    return Trainer(tidemill, tmp_path_factory.mktemp("training"))


def reference_bpe(lines, vocab_size, special=(), pattern=None, **options):
    tokenizer = Tokenizer(models.BPE())
    byte_level = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=pattern is None)
    split = [pre_tokenizers.Split(Regex(pattern), "isolated"), byte_level] if pattern else None
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(split) if split else byte_level
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.post_processor = processors.ByteLevel(trim_offsets=False)
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size,
        special_tokens=list(special),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
        **options,
    )
    tokenizer.train_from_iterator(lines, trainer)
    return json.loads(tokenizer.to_str())


@pytest.mark.parametrize("vocab_size", [1, 257, 270, 400])
@pytest.mark.parametrize("name", TEXTS)
def test_byte_level_bpe_equals_the_reference(train, name, vocab_size):
    assert train(TEXTS[name], "--vocab-size", vocab_size) == reference_bpe(whole_lines(TEXTS[name]), vocab_size)


@pytest.mark.parametrize("special", [["<s>"], ["</s>", "<s>", "<s>"], ["he", "hello", "l", "Ġhello"], ["é", "Ġ", "ab"]])
def test_special_tokens_equal_the_reference(train, special):
    data = TEXTS["special_in_text"] + TEXTS["prose"] + TEXTS["same_name_by_two_ways"]
    assert train(data, "--vocab-size", 320, *flags(special)) == reference_bpe(whole_lines(data), 320, special)


@pytest.mark.parametrize("min_frequency", [0, 1, 2, 3, 1000])
def test_min_frequency_equals_the_reference(train, min_frequency):
    ours = train(TEXTS["prose"], "--vocab-size", 600, "--min-frequency", min_frequency)
    assert ours == reference_bpe(whole_lines(TEXTS["prose"]), 600, min_frequency=min_frequency)


@pytest.mark.parametrize("name", ["prose", "one_long_run", "runs", "same_name_by_two_ways"])
@pytest.mark.parametrize("length", [1, 2, 3, 4, 5, 8, 16])
def test_max_token_length_equals_the_reference(train, name, length):
    ours = train(TEXTS[name], "--vocab-size", 500, "--max-token-length", length)
    assert ours == reference_bpe(whole_lines(TEXTS[name]), 500, max_token_length=length)


def test_another_pattern_equals_the_reference(train):
    expected = reference_bpe(whole_lines(TEXTS["prose"]), 400, pattern=LLAMA3)
    assert train(TEXTS["prose"], "--vocab-size", 400, "--pattern", "llama3") == expected
    assert train(TEXTS["prose"], "--vocab-size", 400, "--pattern", LLAMA3) == expected


@pytest.mark.parametrize("pattern", [r"\w+|\s", r" ?\p{L}+|.", r"[^ ]+ ", r"\d", ".+"])
def test_a_pattern_of_ones_own_equals_the_reference(train, pattern):
    data = TEXTS["prose"] + TEXTS["spaces"]
    assert train(data, "--vocab-size", 400, "--pattern", pattern) == reference_bpe(whole_lines(data), 400, pattern=pattern)


ALPHABETS = st.sampled_from(["ab", "ab ", "abc \n", "aAb1 .'\n\r\t", "é日🙂a \n", "ab#▁ĠÃ \n"])
SOME_TEXT = ALPHABETS.flatmap(lambda letters: st.text(alphabet=letters, max_size=300))


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    text=SOME_TEXT,
    more=st.integers(0, 80),
    min_frequency=st.integers(0, 3),
    length=st.none() | st.integers(1, 9),
    special=st.lists(st.sampled_from(["<s>", "a", "ab", "aa", "aba", "Ġa"]), max_size=3),
)
def test_any_text_gives_what_the_reference_gives(train, text, more, min_frequency, length, special):
    data = text.encode()
    limit = [] if length is None else ["--max-token-length", length]
    ours = train(data, "--vocab-size", 256 + more, "--min-frequency", min_frequency, *limit, *flags(special))
    options = {"min_frequency": min_frequency, "max_token_length": length}
    assert ours == reference_bpe(whole_lines(data), 256 + more, special, **options)


def test_the_number_of_threads_changes_nothing(train):
    data = random_words(1, 800_000)  # more than one block
    assert len(data) > 5_000_000
    one, out = train.run(data, "--vocab-size", 1000, "--threads", 1)
    content = out.read_bytes()
    assert one.returncode == 0
    for threads in (2, 5):
        done, out = train.run(data, "--vocab-size", 1000, "--threads", threads)
        assert done.returncode == 0 and out.read_bytes() == content
    expected = reference_bpe(whole_lines(data), 1000)
    assert json.loads(content) == expected


def test_a_long_line_is_cut_without_a_trace(train):
    data = random_words(2, 900_000).replace(b"\n", b" ")
    assert len(data) > 5_000_000
    assert train(data, "--vocab-size", 500) == reference_bpe([data.decode()], 500)


def test_several_files_and_standard_input(tidemill, tmp_path):
    texts = [b"one two", b"two three\n", b""]
    for k, data in enumerate(texts):
        (tmp_path / f"{k}.txt").write_bytes(data)
    out = tmp_path / "tokenizer.json"
    files = [tmp_path / f"{k}.txt" for k in range(len(texts))]
    done = tidemill.run("tokenize", "train", "--vocab-size", 300, "--out", out, *files, "-", stdin=b"three\nfour")
    assert done.returncode == 0, done.stderr
    assert json.loads(out.read_text()) == reference_bpe(["one two", "two three\n", "three\n", "four"], 300)


def test_the_file_works_in_the_reference_and_in_tidemill(train, tidemill):
    _, out = train.run(TEXTS["prose"], "--vocab-size", 400, "--special", "<|end|>")
    reference = Tokenizer.from_file(str(out))
    text = PROSE + "<|end|>"
    assert reference.decode(reference.encode(text).ids, skip_special_tokens=False) == text


# WordPiece


def reference_wordpiece(lines, vocab_size, special, lowercase=True, **options):
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=lowercase)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    trainer = trainers.WordPieceTrainer(
        vocab_size=vocab_size, special_tokens=special, show_progress=False, **options
    )
    tokenizer.train_from_iterator(lines, trainer)
    ids = {token: tokenizer.token_to_id(token) for token in ("[SEP]", "[CLS]")}
    if None not in ids.values():
        tokenizer.post_processor = processors.BertProcessing(*ids.items())
    return json.loads(tokenizer.to_str())


def cut_for_bert(lines, lowercase=True):
    normalizer, cutter = normalizers.BertNormalizer(lowercase=lowercase), pre_tokenizers.BertPreTokenizer()
    return [word for line in lines for word, _ in cutter.pre_tokenize_str(normalizer.normalize_str(line))]


def tokens_of(tokenizer):
    vocab = tokenizer["model"]["vocab"]
    assert sorted(vocab.values()) == list(range(len(vocab)))
    return sorted(vocab, key=vocab.get)


def continuing_order(tokens, special, words):
    """The "##" symbols of one character in the order of their ids: what the reference leaves to chance."""
    single = {"##" + c for word in words for c in word[1:]}
    return [token for token in tokens if token in single and token not in special]


BERT_SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]


@pytest.mark.parametrize("lowercase", [True, False])
@pytest.mark.parametrize("name", TEXTS)
def test_wordpiece_is_the_algorithm_of_the_reference(train, name, lowercase):
    lines = whole_lines(TEXTS[name])
    words = cut_for_bert(lines, lowercase)
    for vocab_size in (1, 40, 60, 200):
        expected = reference_wordpiece(lines, vocab_size, BERT_SPECIAL, lowercase)
        ours = train(TEXTS[name], "--kind", "wordpiece", "--vocab-size", vocab_size, *flags(BERT_SPECIAL),
                     *([] if lowercase else ["--cased"]))  # fmt: skip
        for made in (expected, ours):
            order = continuing_order(tokens_of(made), BERT_SPECIAL, words)
            tokens, _ = bpe_of_words(word_counts(words), vocab_size, BERT_SPECIAL, prefix="##", continuing=order)
            assert tokens_of(made) == tokens
        for made in (expected, ours):
            del made["model"]["vocab"]
        assert ours == expected


def test_wordpiece_of_one_word_is_that_of_the_reference(train):
    data = b"mississippimississippi"
    for vocab_size in range(1, 40):
        ours = train(data, "--kind", "wordpiece", "--vocab-size", vocab_size, "--special", "[UNK]")
        assert ours == reference_wordpiece([data.decode()], vocab_size, ["[UNK]"])


def test_wordpiece_works_in_the_reference(train):
    done, out = train.run(TEXTS["prose"], "--kind", "wordpiece", "--vocab-size", 200, *flags(BERT_SPECIAL))
    assert done.returncode == 0, done.stderr
    encoding = Tokenizer.from_file(str(out)).encode("The mill stood")
    assert encoding.tokens[0] == "[CLS]" and encoding.tokens[-1] == "[SEP]" and "[UNK]" not in encoding.tokens


# SentencePiece's BPE

BYTES = [f"<0x{byte:02X}>" for byte in range(256)]


def reference_spm_bpe(lines, vocab_size, special=("<unk>",), **options):
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size, special_tokens=[*special, *BYTES], show_progress=False, **options
    )
    tokenizer.train_from_iterator(lines, trainer)
    made = json.loads(tokenizer.to_str())
    # Bytes are tokens of the model, but "<0x41>" in a text is text.
    made["added_tokens"] = [token for token in made["added_tokens"] if token["content"] not in BYTES]
    return made


@pytest.mark.parametrize("vocab_size", [1, 300, 340, 600])
@pytest.mark.parametrize("name", TEXTS)
def test_spm_bpe_equals_the_reference(train, name, vocab_size):
    ours = train(TEXTS[name], "--kind", "spm-bpe", "--vocab-size", vocab_size)
    assert ours == reference_spm_bpe(lines_of(TEXTS[name]), vocab_size)


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(text=SOME_TEXT, more=st.integers(0, 80), length=st.none() | st.integers(1, 9))
def test_spm_bpe_of_any_text_equals_the_reference(train, text, more, length):
    limit = [] if length is None else ["--max-token-length", length]
    ours = train(text.encode(), "--kind", "spm-bpe", "--vocab-size", 257 + more, *limit)
    assert ours == reference_spm_bpe(text.split("\n"), 257 + more, max_token_length=length)


def test_spm_bpe_limits_its_alphabet_as_the_reference(train):
    data = "".join(chr(0x4E00 + k) * (k + 2) for k in range(30)).encode()  # no two equally frequent
    for limit in (0, 1, 7, 30, 31):
        ours = train(data, "--kind", "spm-bpe", "--vocab-size", 330, "--limit-alphabet", limit)
        assert ours == reference_spm_bpe([data.decode()], 330, limit_alphabet=limit)


def test_spm_bpe_spells_unknown_characters_in_bytes(train):
    _, out = train.run(TEXTS["one_word"], "--kind", "spm-bpe", "--vocab-size", 300, "--special", "<s>")
    tokenizer = Tokenizer.from_file(str(out))
    assert tokenizer.decode(tokenizer.encode("tide 🙂 mill\n").ids) == "tide 🙂 mill\n"


# The command


def expect_error(done, status, *fragments):
    assert done.returncode == status, done.stderr
    assert done.stderr.startswith("error: ") and done.stderr.count("\n") == 1
    for fragment in fragments:
        assert fragment in done.stderr


@pytest.mark.parametrize(
    "status, options, fragment",
    [
        (2, ["--kind", "word"], "bpe, wordpiece, spm-bpe or unigram"),
        (2, ["--vocab-size", "0"], "--vocab-size"),
        (2, ["--special", ""], "special token"),
        (2, ["--kind", "wordpiece", "--max-token-length", "3"], "max_token_length"),
        (2, ["--limit-alphabet", "3"], "limit_alphabet"),
        (2, ["--kind", "spm-bpe", "--pattern", "llama3"], "pattern"),
        (2, ["--kind", "unigram", "--cased"], "lowercase"),
        (2, ["--cased"], "lowercase"),
        (3, ["--pattern", "[a-z"], "pattern"),
    ],
)
def test_wrong_options_are_refused(train, status, options, fragment):
    done, out = train.run(b"text", *options)
    expect_error(done, status, fragment)
    assert not out.exists()


def test_files_that_cannot_be_read_or_written_are_named(tidemill, tmp_path):
    text, out = tmp_path / "text.txt", tmp_path / "tokenizer.json"
    text.write_text("a text")
    run = lambda *arguments: tidemill.run("tokenize", "train", *arguments)  # noqa: E731
    expect_error(run("--out", out), 2, "no text given")
    expect_error(run(text), 2, "--out")
    missing = run("--out", out, text, tmp_path / "missing.txt")
    expect_error(missing, 3, "missing.txt")
    expect_error(run("--out", out, tmp_path), 3, str(tmp_path))
    expect_error(run("--out", tmp_path / "nowhere/t.json", text), 3, "nowhere")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["text.txt"]


def test_json_reports_what_was_done(train):
    done, _ = train.run(b"one two two\n", "--vocab-size", 300, "--json")
    answer = json.loads(done.stdout)
    assert answer["bytes"] == 12 and answer["words"] == 4 and answer["distinct_words"] == 3
    assert answer["tokens"] == 256 + answer["merges"] and not done.stderr


def test_an_interrupt_ends_it_and_leaves_nothing(tidemill, tmp_path):
    out = tmp_path / "tokenizer.json"
    command = [tidemill.program, "tokenize", "train", "--out", out, "-"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        while not any(tmp_path.iterdir()):  # the temporary file: signals are handled by then
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate("some text\n", timeout=30)
        assert process.returncode == 130 and "interrupted" in errors
    assert not any(tmp_path.iterdir())
