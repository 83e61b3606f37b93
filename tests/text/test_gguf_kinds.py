"""GGUF's vocabularies of the kinds "t5" and "rwkv", written as llama.cpp's converters do, against sentencepiece and RWKV's
own rule."""

import ast
import io
import os
import pathlib
import random

import pytest

from nasty_texts import nasty_texts
from tokenize_command import TokenizeCommand, first_difference

gguf = pytest.importorskip("gguf")
sentencepiece = pytest.importorskip("sentencepiece")
from gguf_files import write_sentencepiece, write_vocabulary  # noqa: E402

SENTENCES = """The mill stands by the water, and the tide turns its wheels twice a day.
Die Gezeitenmühle mahlt, wenn das Wasser fällt; sie steht, wenn es steigt.
Le moulin à marée moud la farine deux fois par jour, été comme hiver.
潮の満ち引きで回る水車は、一日に二度だけ粉を挽く。
Приливная мельница работает дважды в день, ﬁrst ½ and then ①.""".split("\n")

# name -> options of the trainer
MODELS = {
    "t5": dict(normalization_rule_name="nmt_nfkc"),
    "folded": dict(normalization_rule_name="nmt_nfkc_cf"),
    "bytes": dict(vocab_size=600, normalization_rule_name="nmt_nfkc", byte_fallback=True),
    "as_it_is": dict(normalization_rule_name="identity", remove_extra_whitespaces=False),
    "without_prefix": dict(normalization_rule_name="nfkc", add_dummy_prefix=False, remove_extra_whitespaces=False),
    "user_defined": dict(normalization_rule_name="nmt_nfkc", user_defined_symbols=["<usr>", "mill", "\u2581\u2581"]),
}


def character_map(name):
    folder = pathlib.Path(sentencepiece.__file__).parent / "package_data"
    return b"" if name == "identity" else (folder / f"{name}.bin").read_bytes()


@pytest.fixture(scope="module", params=MODELS)
def unigram(request, tidemill, tmp_path_factory):
    """(the library's model, our command on the same model as GGUF, texts for both)"""
    options = {"vocab_size": 300, "add_dummy_prefix": True, "remove_extra_whitespaces": True, **MODELS[request.param]}
    data = io.BytesIO()
    rng = random.Random(8)
    lines = [" ".join(rng.sample(words, len(words))) for words in [s.split() for s in SENTENCES] for _ in range(20)]
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(lines), model_writer=data, model_type="unigram", minloglevel=2, hard_vocab_limit=False,
        num_threads=1, **options
    )
    model = sentencepiece.SentencePieceProcessor(model_proto=data.getvalue())
    keys = dict(add_space_prefix=options["add_dummy_prefix"], remove_extra_whitespaces=options["remove_extra_whitespaces"])
    charsmap = character_map(options["normalization_rule_name"])
    if charsmap:
        keys["precompiled_charsmap"] = charsmap
    path = tmp_path_factory.mktemp("t5") / f"{request.param}.gguf"
    user_defined = options.get("user_defined_symbols", [])
    write_sentencepiece(path, "t5", model, user_defined, **keys)
    texts = nasty_texts(1500, seed=9, snippets=SENTENCES[0].split() + ["ﬁ", "①", "\u3000", "  ", *user_defined] * 10)
    return model, TokenizeCommand(tidemill, path), [text.replace("\u2581", " ") for text in texts] + SENTENCES


def test_ids_equal_those_of_sentencepiece(unigram):
    model, ours, texts = unigram
    expected = [model.encode(text) for text in texts]
    assert first_difference(texts, ours.encode(texts, parse_special_tokens=False), expected) is None


def test_the_end_of_the_text_is_added(unigram):
    model, ours, texts = unigram
    assert ours.encode(["tide"], add_special_tokens=True) == [[*model.encode("tide"), model.eos_id()]]


def test_decoded_text_equals_that_of_sentencepiece(unigram):
    model, ours, texts = unigram
    lists = [ids for ids in (model.encode(text) for text in texts) if model.unk_id() not in ids]
    lists = [ids for ids in lists if not model.id_to_piece(ids[:1]) == ["\u2581"]]  # of which it drops all at the start
    assert len(lists) > 20
    assert first_difference(lists, ours.decode(lists), [model.decode(ids) for ids in lists]) is None


def test_rwkv_takes_the_longest_token(tidemill, tmp_path):
    words = {word.encode() for sentence in SENTENCES for word in sentence.split()} | {b"\n\n", b"it's", b'"it\'s"', b"\\n", b"\xe4\xbd"}
    tokens = [b"<s>", *[bytes([byte]) for byte in range(256)], *sorted(word for word in words if len(word) > 1)]
    tokens += sorted({text.encode()[:9] for text in nasty_texts(200, seed=3)} - {*tokens, b""})
    types = [gguf.TokenType.CONTROL] + [gguf.TokenType.NORMAL] * (len(tokens) - 1) + [gguf.TokenType.UNUSED]
    path = tmp_path / "rwkv.gguf"
    names = [b"<s>", *[repr(token)[2:-1].encode() for token in tokens[1:]], b"[PAD1]"]
    write_vocabulary(path, "rwkv", names, types, eot_token_id=tokens.index(b"\n\n"), bos_token_id=0, eos_token_id=0)
    compare_with_longest_match(tidemill, path, tokens, nasty_texts(800, seed=6, snippets=["<s>", "[PAD1]", "it's", *SENTENCES[:3]]))


def compare_with_longest_match(tidemill, path, tokens, texts):
    ids = {token: index for index, token in enumerate(tokens) if index > 0 and token}
    longest = max(map(len, ids))

    def encode(text):
        data, found = text.encode(), []
        while data:
            size = next(size for size in range(longest, 0, -1) if data[:size] in ids and size <= len(data))
            found.append(ids[data[:size]])
            data = data[size:]
        return found

    ours = TokenizeCommand(tidemill, path)
    expected = [encode(text) for text in texts]
    assert first_difference(texts, ours.encode(texts), expected) is None
    assert ours.decode(expected) == texts


def test_published_rwkv_vocabulary(tidemill, tmp_path):
    folder = os.environ.get("TIDEMILL_EXTRA_DATA", "")
    source = pathlib.Path(folder) / "tokenizers/files/rwkv_vocab_v20230424.txt"
    if not folder or not source.exists():
        pytest.skip("TIDEMILL_EXTRA_DATA names no folder with tokenizers/files/rwkv_vocab_v20230424.txt")
    tokens = [b""] * 65536
    for line in source.read_text(encoding="utf-8").split("\n"):
        if line:
            token = ast.literal_eval(line[line.index(" ") : line.rindex(" ")].strip())
            tokens[int(line[: line.index(" ")])] = token if isinstance(token, bytes) else token.encode()
    n_known = 1 + max(index for index, token in enumerate(tokens) if token)
    names = [b"<s>", *[repr(token)[2:-1].encode() for token in tokens[1:n_known]]]
    names += [f"[PAD{index}]".encode() for index in range(n_known, 65536)]
    types = [gguf.TokenType.CONTROL] + [gguf.TokenType.NORMAL] * (n_known - 1) + [gguf.TokenType.UNUSED] * (65536 - n_known)
    path = tmp_path / "rwkv.gguf"
    write_vocabulary(path, "rwkv", names, types, eot_token_id=261, bos_token_id=0, eos_token_id=0)
    compare_with_longest_match(tidemill, path, tokens, nasty_texts(800, seed=16, snippets=SENTENCES))


@pytest.mark.parametrize("kind", ["bpe", "unigram"])
def test_written_as_json_it_gives_the_library_the_same_ids(kind, tidemill, tmp_path):
    tokenizers = pytest.importorskip("tokenizers")
    data = io.BytesIO()
    rng = random.Random(5)
    lines = [" ".join(rng.sample(words, len(words))) for words in [s.split() for s in SENTENCES] for _ in range(20)]
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(lines), model_writer=data, model_type=kind, minloglevel=2, hard_vocab_limit=False, num_threads=1,
        vocab_size=700, byte_fallback=kind == "bpe", normalization_rule_name="identity" if kind == "bpe" else "nmt_nfkc",
        remove_extra_whitespaces=kind == "unigram",
    )  # fmt: skip
    model = sentencepiece.SentencePieceProcessor(model_proto=data.getvalue())
    keys = dict(add_space_prefix=True, bos_token_id=model.bos_id())
    if kind == "unigram":
        keys |= dict(remove_extra_whitespaces=True, precompiled_charsmap=character_map("nmt_nfkc"))
    path, written = tmp_path / "vocabulary.gguf", tmp_path / "tokenizer.json"
    write_sentencepiece(path, "llama" if kind == "bpe" else "t5", model, **keys)
    done = tidemill.run("tokenize", path, "--write-json", written)
    assert done.returncode == 0, done.stderr
    library = tokenizers.Tokenizer.from_file(str(written))
    words = [word for sentence in SENTENCES for word in sentence.split()] + ["\n", "naïve", "½", "12", "(a)", "xyz"]
    texts = ["", *SENTENCES, *(" ".join(rng.choices(words, k=rng.randint(1, 9))) for _ in range(500))]
    gguf_ids = TokenizeCommand(tidemill, path).encode(texts, add_special_tokens=True)
    assert first_difference(texts, [e.ids for e in library.encode_batch(texts)], gguf_ids) is None
    assert first_difference(texts, TokenizeCommand(tidemill, written).encode(texts, add_special_tokens=True), gguf_ids) is None


def test_rwkv_has_no_like_in_json(tidemill, tmp_path):
    path = tmp_path / "rwkv.gguf"
    write_vocabulary(path, "rwkv", [b"<s>", b"a"], [gguf.TokenType.CONTROL, gguf.TokenType.NORMAL])
    done = tidemill.run("tokenize", path, "--write-json", tmp_path / "tokenizer.json")
    assert done.returncode == 3 and "'rwkv', of which no tokenizer.json can be made" in done.stderr
