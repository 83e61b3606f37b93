"""Tokenizers of every kind beside Hugging Face's `tokenizers`: small ones made on the spot, which together have nearly
every stage there is (Unigram: tests/text/test_unigram.py), and the published ones of TIDEMILL_EXTRA_DATA with the answers that lie beside them."""

import json
import os
import pathlib
import random

import pytest

from nasty_texts import nasty_texts
from tokenize_command import TokenizeCommand, first_difference

hf = pytest.importorskip("tokenizers")
np = pytest.importorskip("numpy")

from tokenizers import AddedToken, Regex, decoders, models, normalizers, pre_tokenizers, processors, trainers  # noqa: E402

WORDS = "the tide mill water of and O'Neill it's don't 3.14 naïve Straße Съешь ещё 東京 こんにちは مرحبا ภาษา 한국어 __init__ 😀 <s> ½ ﬁ".split()
LLAMA3 = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"


def corpus():
    rng = random.Random(3)
    lines = [" ".join(rng.choices(WORDS, k=rng.randint(2, 12))) for _ in range(600)]
    return lines + [text for text in nasty_texts(300, seed=12) if len(text) < 200]


def train(tokenizer, trainer):
    tokenizer.train_from_iterator(corpus(), trainer)
    return tokenizer


def byte_level(pattern=None, prefix=False, **options):
    tokenizer = hf.Tokenizer(models.BPE(**options))
    byte_stage = pre_tokenizers.ByteLevel(add_prefix_space=prefix, use_regex=pattern is None)
    split = [pre_tokenizers.Split(Regex(pattern), "isolated")] if pattern else []
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([*split, byte_stage])
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    return train(tokenizer, trainers.BpeTrainer(vocab_size=900, initial_alphabet=alphabet, show_progress=False))


def add_tokens(tokenizer):
    tokenizer.add_special_tokens([AddedToken("<s>"), AddedToken("</s>", normalized=False), AddedToken("[MASK]", lstrip=True)])
    tokenizer.add_tokens(
        [
            AddedToken("mill", single_word=True),
            AddedToken("<left>", lstrip=True, normalized=False),
            AddedToken("<right>", rstrip=True, normalized=False),
            AddedToken("<both>", lstrip=True, rstrip=True),
            AddedToken("Tide Mill"),
            AddedToken("  "),
        ]
    )
    return tokenizer


def gpt2():
    tokenizer = add_tokens(byte_level())
    tokenizer.post_processor = processors.ByteLevel(trim_offsets=False)
    return tokenizer


def roberta():
    tokenizer = add_tokens(byte_level(prefix=True))
    ids = [(name, tokenizer.token_to_id(name)) for name in ("</s>", "<s>")]
    tokenizer.post_processor = processors.RobertaProcessing(*ids, trim_offsets=True, add_prefix_space=True)
    return tokenizer


def llama3():
    tokenizer = add_tokens(byte_level(LLAMA3, ignore_merges=True))
    tokenizer.normalizer = normalizers.NFC()
    template = processors.TemplateProcessing("<s> $A", "<s> $A <s>:1 $B:1", [("<s>", tokenizer.token_to_id("<s>"))])
    tokenizer.post_processor = processors.Sequence([processors.ByteLevel(trim_offsets=True), template])
    return tokenizer


def deepseek():
    tokenizer = byte_level()
    patterns = [r"\p{N}{1,3}", "[一-龥぀-ゟ゠-ヿ]+", r"[!-/:-~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"]
    splits = [pre_tokenizers.Split(Regex(pattern), "isolated") for pattern in patterns]
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([*splits, pre_tokenizers.ByteLevel(False, use_regex=False)])
    return add_tokens(tokenizer)


def clip():
    tokenizer = hf.Tokenizer(models.BPE(unk_token="<|end|>", end_of_word_suffix="</w>"))
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFC(), normalizers.Replace(Regex(r"\s+"), " "), normalizers.Lowercase()])
    split = pre_tokenizers.Split(Regex(r"'s|'t|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"), "removed", invert=True)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([split, pre_tokenizers.ByteLevel(False)])
    tokenizer.decoder = decoders.BPEDecoder()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    train(tokenizer, trainers.BpeTrainer(vocab_size=900, initial_alphabet=alphabet, end_of_word_suffix="</w>", special_tokens=["<|end|>"], show_progress=False))
    return add_tokens(tokenizer)


def byte_tokens():
    return [f"<0x{byte:02X}>" for byte in range(256)]


def spm_bpe(normalizer, pre_tokenizer):
    tokenizer = hf.Tokenizer(models.BPE(unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    tokenizer.normalizer, tokenizer.pre_tokenizer = normalizer, pre_tokenizers.Metaspace(split=True)
    train(tokenizer, trainers.BpeTrainer(vocab_size=900, limit_alphabet=150, special_tokens=["<unk>", "<s>", "</s>", *byte_tokens()], show_progress=False))
    tokenizer.pre_tokenizer = pre_tokenizer
    steps = [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    tokenizer.decoder = decoders.Sequence(steps)
    tokenizer.post_processor = processors.TemplateProcessing("<s> $A", "<s> $A <s>:1 $B:1", [("<s>", 1)])
    tokenizer.add_tokens([AddedToken("<both>", lstrip=True, rstrip=True), AddedToken("Tide Mill", normalized=False)])
    return tokenizer


def llama2():
    return spm_bpe(normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")]), None)


def mistral():
    return spm_bpe(None, pre_tokenizers.Metaspace(prepend_scheme="first", split=False))


def gemma():
    return spm_bpe(normalizers.Replace(" ", "▁"), pre_tokenizers.Split(" ", "merged_with_previous"))


def word_piece(**options):
    tokenizer = hf.Tokenizer(models.WordPiece(unk_token="[UNK]", max_input_chars_per_word=40))
    tokenizer.normalizer = normalizers.BertNormalizer(**options)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    train(tokenizer, trainers.WordPieceTrainer(vocab_size=900, special_tokens=special, show_progress=False))
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    return tokenizer


def bert_uncased():
    return add_tokens(word_piece(lowercase=True))


def bert_cased():
    return add_tokens(word_piece(lowercase=False, strip_accents=True, handle_chinese_chars=False))


def word_level():
    tokenizer = hf.Tokenizer(models.WordLevel(unk_token="[UNK]"))
    stages = [pre_tokenizers.Whitespace(), pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.Punctuation("contiguous")]
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(stages)
    return add_tokens(train(tokenizer, trainers.WordLevelTrainer(vocab_size=500, special_tokens=["[UNK]"], show_progress=False)))


def ctc():
    tokenizer = hf.Tokenizer(models.WordLevel({c: k for k, c in enumerate(["<pad>", "[UNK]", "|", *"abcdefghijklmnopqrstuvwxyz'."])}, unk_token="[UNK]"))
    stages = [pre_tokenizers.CharDelimiterSplit(" "), pre_tokenizers.UnicodeScripts(), pre_tokenizers.FixedLength(3)]
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(stages)
    tokenizer.decoder = decoders.CTC()
    return tokenizer


def replacing_decoder():
    tokenizer = spm_bpe(normalizers.Replace(" ", "▁"), None)
    replaced = [(r"▁+", " "), (r"(?<=i)l|\bt|$", "_"), (r"\p{Lu}|[^\x00-\x7f]", ""), (r"", "|")]
    tokenizer.decoder = decoders.Sequence([*(decoders.Replace(Regex(p), c) for p, c in replaced), decoders.ByteFallback(), decoders.Fuse()])
    return tokenizer


MADE = [replacing_decoder, gpt2, roberta, llama3, deepseek, clip, llama2, mistral, gemma, bert_uncased, bert_cased, word_level, ctc]
SNIPPETS = ["<s>", "</s>", "[MASK]", " mill ", "mill", "Tide Mill", "<left>", " <left> ", "<right>", "<right>  ", " <both> ", "    ", "[UNK]", "<unk>", "<0x41>", "''", "``", "▁"]


@pytest.fixture(scope="module")
def texts():
    return nasty_texts(500, seed=40, snippets=SNIPPETS + WORDS) + ["a" * 3000, " " * 3000, "\u200d😀" * 500, "東" * 2000]


@pytest.fixture(scope="module", params=MADE, ids=lambda make: make.__name__)
def made(request, tidemill, tmp_path_factory):
    reference = request.param()
    path = tmp_path_factory.mktemp("tokenizers") / f"{request.param.__name__}.json"
    reference.save(str(path))
    return reference, TokenizeCommand(tidemill, path)


def as_answer(encoding):
    return {
        "ids": encoding.ids,
        "offsets": [list(pair) for pair in encoding.offsets],
        "word_ids": encoding.word_ids,
        "type_ids": encoding.type_ids,
        "special_tokens_mask": encoding.special_tokens_mask,
        "attention_mask": encoding.attention_mask,
        "overflowing": [as_answer(part) for part in encoding.overflowing],
    }


def compare(made, lines, encode):
    """Answers of --full are those of encode(line); lines that the reference cannot take are left out."""
    reference, ours = made
    wanted = []
    for line in lines:
        try:
            wanted.append((line, as_answer(encode(line))))
        except BaseException as problem:  # noqa: BLE001 - the library panics
            assert "panic" in type(problem).__name__.lower() or isinstance(problem, Exception)
    assert len(wanted) > len(lines) / 4
    found = ours.answers([line for line, _ in wanted], "--full")
    assert first_difference([line for line, _ in wanted], found, [answer for _, answer in wanted]) is None


def test_everything_about_texts_is_equal(made, texts):
    compare(made, [{"text": text} for text in texts], lambda line: made[0].encode(line["text"]))


def test_ids_alone_are_equal(made, texts):
    reference, ours = made
    expected = [encoding.ids for encoding in reference.encode_batch(texts, add_special_tokens=False)]
    assert first_difference(texts, ours.encode(texts), expected) is None


def test_pairs_are_equal(made, texts):
    lines = [{"text": one, "pair": other} for one, other in zip(texts[:150], texts[150:300], strict=True)]
    compare(made, lines, lambda line: made[0].encode(line["text"], line["pair"]))


@pytest.mark.parametrize("strategy", ["longest_first", "only_first", "only_second"])
@pytest.mark.parametrize("side", ["right", "left"])
def test_truncation_and_padding_are_equal(made, texts, strategy, side):
    reference = made[0]
    lines = []
    for k, text in enumerate(texts[:60]):
        truncation = {"max_length": 6 + k % 30, "stride": k % 3, "strategy": strategy, "side": side}
        padding = {"length": 10 + k % 20, "multiple_of": 1 + k % 8, "side": side, "id": 1, "type_id": 2}
        # Short, for the library combines all parts of one text with all of the other, and keeps them inside each other.
        lines.append({"text": text[:60], "pair": texts[200 + k][:25], "truncation": truncation, "padding": padding})

    def encode(line):
        cut, pad = line["truncation"], line["padding"]
        reference.enable_truncation(cut["max_length"], stride=cut["stride"], strategy=strategy, direction=side)
        reference.enable_padding(direction=side, pad_id=1, pad_type_id=2, length=pad["length"], pad_to_multiple_of=pad["multiple_of"])
        return reference.encode(line["text"], line["pair"])

    try:
        compare(made, lines, encode)
    finally:
        reference.no_truncation()
        reference.no_padding()


def test_special_tokens_can_stay_text(made, texts):
    reference = made[0]
    reference.encode_special_tokens = True
    try:
        compare(made, [{"text": text, "special_text": "as_text"} for text in texts[:400]], lambda line: reference.encode(line["text"]))
    finally:
        reference.encode_special_tokens = False


def id_lists(reference, texts):
    rng = random.Random(50)
    size = max(reference.get_vocab().values()) + 1
    lists = [encoding.ids for encoding in reference.encode_batch(texts[:150])]
    return lists + [[rng.randrange(size) for _ in range(rng.randint(0, 12))] for _ in range(300)]


@pytest.mark.parametrize("skip_special_tokens", [True, False])
def test_decoded_text_is_equal(made, texts, skip_special_tokens):
    reference, ours = made
    lists = id_lists(reference, texts)
    expected = reference.decode_batch(lists, skip_special_tokens=skip_special_tokens)
    assert first_difference(lists, ours.decode(lists, skip_special_tokens), expected) is None


def test_streamed_chunks_are_equal(made, texts):
    reference, ours = made
    lists = id_lists(reference, texts)
    expected = []
    for ids in lists:
        stream = hf.decoders.DecodeStream(skip_special_tokens=True)
        try:
            expected.append([stream.step(reference, i) for i in ids])
        except Exception:  # it gives up where text changes that was given out before; we go on
            expected.append(None)
    assert expected.count(None) < len(lists) / 2
    for ids, found, chunks in zip(lists, ours.stream(lists), expected, strict=True):
        assert chunks is None or found == chunks, ids


def test_written_again_it_is_the_same_to_the_library(made, texts, tidemill, tmp_path):
    reference, ours = made
    path = tmp_path / "again.json"
    assert tidemill.run("tokenize", ours.tokenizer, "--write-json", path).returncode == 0
    again = hf.Tokenizer.from_file(str(path))
    one, other = reference.encode_batch(texts), again.encode_batch(texts)
    assert first_difference(texts, [as_answer(e) for e in other], [as_answer(e) for e in one]) is None


@pytest.mark.parametrize("flags", [{}, {"single_word": True}, {"lstrip": True}, {"rstrip": True}, {"lstrip": True, "rstrip": True}])
def test_an_added_token_that_is_normalized_to_nothing_cuts_everywhere(tidemill, tmp_path, flags):
    # Of ASCII alone: the library panics at characters of several bytes, which it cuts in two.
    vocab = {token: index for index, token in enumerate(["[UNK]", "a", "b", "ab", "abc", "c", " ", "x"])}
    reference = hf.Tokenizer(models.BPE(vocab=vocab, merges=[("a", "b"), ("ab", "c")], unk_token="[UNK]"))
    reference.normalizer = normalizers.Replace("X", "")
    reference.add_tokens([AddedToken("X", normalized=True, **flags)])
    path = tmp_path / "tokenizer.json"
    reference.save(str(path))
    rng = random.Random(7)
    lines = [{"text": "".join(rng.choices("aabbccX  x.", k=rng.randint(0, 14)))} for _ in range(400)]
    compare((reference, TokenizeCommand(tidemill, path)), lines, lambda line: reference.encode(line["text"]))


# Published tokenizers, read in place.

EXTRA = pathlib.Path(os.environ.get("TIDEMILL_EXTRA_DATA", "")) / "tokenizers"
PUBLISHED = json.loads((EXTRA / "manifest.json").read_text())["tokenizers"] if (EXTRA / "manifest.json").exists() else []


@pytest.fixture(scope="module")
def cases():
    if not PUBLISHED:
        pytest.skip("TIDEMILL_EXTRA_DATA names no folder with tokenizers/manifest.json")
    return [json.loads(line) for line in (EXTRA / "cases.jsonl").read_text(encoding="utf-8").splitlines()]


@pytest.fixture(scope="module", params=PUBLISHED or [None], ids=lambda row: row["name"] if row else "none")
def published(request, tidemill, cases):
    row = request.param
    vectors = np.load(EXTRA / "vec" / f"{row.get('vectors', row['name'])}.npz")
    chosen = [k for k, case in enumerate(cases) if case["kind"] not in row.get("skip_kinds", [])]
    return row, vectors, chosen, TokenizeCommand(tidemill, EXTRA / "files" / row["file"])


def rows_of(values, offsets, chosen):
    return [values[offsets[k] : offsets[k + 1]].tolist() for k in chosen]


def test_published_ids(published, cases):
    row, vectors, chosen, ours = published
    texts = [cases[k]["text"] for k in chosen]
    expected = rows_of(vectors["ids"], vectors["off"], chosen)
    assert first_difference(texts, ours.encode(texts), expected) is None
    if row["special"]:
        around = [[*vectors["prefix"].tolist(), *ids, *vectors["suffix"].tolist()] for ids in expected]
        expected = around if vectors["special_exact"] else rows_of(vectors["sp_ids"], vectors["sp_off"], chosen)
        assert first_difference(texts, ours.encode(texts, add_special_tokens=True), expected) is None


def test_published_offsets(published, cases):
    _, vectors, chosen, ours = published
    if "offs_case" not in vectors or len(chosen) < len(cases):
        return
    numbers = vectors["offs_case"].tolist()
    found = ours.offsets([cases[k]["text"] for k in numbers])
    assert [pair for offsets in found for pair in offsets] == [tuple(pair) for pair in vectors["offs"].reshape(-1, 2).tolist()]


def test_published_decodings(published):
    row, _, _, ours = published
    if not row.get("decode", True):
        return
    path = EXTRA / "vec" / f"{row['name']}.decode.jsonl"
    for skip in (True, False):
        lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        lines = [line for line in lines if line["skip_special_tokens"] == skip]
        lists = [line["ids"] for line in lines]
        assert first_difference(lists, ours.decode(lists, skip), [line["text"] for line in lines]) is None
        streamed = [line for line in lines if "chunks" in line]
        lists = [line["ids"] for line in streamed]
        assert first_difference(lists, ours.stream(lists, skip), [line["chunks"] for line in streamed]) is None
