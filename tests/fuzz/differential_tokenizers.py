"""The tokenizers that differential.py compares: made here from a seed, and those of the environment.

Each has a file for tidemill, and a reference that answers for the same file.
"""

import base64
import io
import json
import os
import pathlib
import random

import sentencepiece
import tiktoken
import tokenizers as hf
from tokenizers import decoders, models, normalizers, pre_tokenizers, trainers

SENTENCES = """The mill stands by the water, and the tide turns its wheels twice a day. It's 3.14159, isn't it?
Die Gezeitenmühle mahlt, wenn das Wasser fällt; sie steht, wenn es steigt. Straße, Ärger, Übung!
Le moulin à marée moud la farine deux fois par jour, été comme hiver — «ça alors».
潮の満ち引きで回る水車は、一日に二度だけ粉を挽く。这是一个测试，磨坊。
Приливная мельница работает дважды в день, ﬁrst ½ and then ①. मिल 한국어 ทดสอบ مرحبا 👍🏽 👨‍👩‍👧
def grind(self, wheat):\n\treturn [x ** 2 for x in wheat if x != None]  # ==> done""".split("\n")

# (content, flags) of added tokens: side by side, inside words, one the start of another.
ADDED = [
    ("<s>", {}), ("<sep>", dict(lstrip=True)), ("<mask>", dict(lstrip=True, rstrip=True)), ("tide", dict(single_word=True)),
    ("ill", dict(normalized=True)), ("É", dict(normalized=True)), ("<<", {}), ("<<s", {}), ("  ", {}), ("\n\n", dict(rstrip=True)),
]  # fmt: skip

SPLITS = [r"\d{1,3}", r"\s+(?!\S)|\s+", r"[^\r\n\p{L}\p{N}]?\p{L}+", r"'(?i:s|t|re|ve|m|ll|d)|\p{L}+|\p{N}|[^\s\p{L}\p{N}]+|\s+"]


class HuggingFace:
    """Of a tokenizer.json."""

    has_offsets = True

    def __init__(self, path):
        self.path = path
        self.reference = hf.Tokenizer.from_file(str(path))
        self.reference.no_truncation()
        self.reference.no_padding()
        self.n_ids = self.reference.get_vocab_size()
        self.snippets = [token.content for token in self.reference.get_added_tokens_decoder().values()][:200]

    def encode(self, text):
        encoding = self.reference.encode(text, add_special_tokens=False)
        return encoding.ids, [list(pair) for pair in encoding.offsets]

    def decode(self, ids, skip_special_tokens):
        return self.reference.decode(ids, skip_special_tokens=skip_special_tokens)


class GemmaGguf(HuggingFace):
    """Of Gemma 3's GGUF, which lacks one token of the tokenizer.json that its authors publish."""

    MISSING = "<image_soft_token>"

    def __init__(self, path, model):
        super().__init__(path)
        self.path = model
        self.n_ids = self.reference.token_to_id(self.MISSING)
        self.snippets = [snippet for snippet in self.snippets if snippet != self.MISSING]


class SentencePiece:
    """Of a .model file."""

    has_offsets = True

    def __init__(self, path):
        self.path = path
        self.reference = sentencepiece.SentencePieceProcessor(model_file=str(path))
        self.n_ids = len(self.reference)
        self.snippets = ["<s>", "</s>", "<unk>", "<0x41>", "[usr]", "\u2581\u2581", "\u2047"]

    def encode(self, text):
        answer = self.reference.encode(text, return_type="offset_mapping")
        return answer["ids"], [list(pair) for pair in answer["offsets"]]

    def decode(self, ids, skip_special_tokens):
        return self.reference.decode(ids)


class Tiktoken:
    """Of a file of ranks, whose name says which encoding's pattern it has."""

    has_offsets = False
    PATTERNS = {
        "gpt2": r"""'(?:[sdmt]|ll|ve|re)| ?\p{L}++| ?\p{N}++| ?[^\s\p{L}\p{N}]++|\s++$|\s+(?!\S)|\s""",
        "cl100k_base": r"""'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+| ?[^\s\p{L}\p{N}]++[\r\n]*+|\s++$|\s*[\r\n]|\s+(?!\S)|\s""",
    }

    def __init__(self, path):
        self.path = path
        lines = [line.split() for line in pathlib.Path(path).read_text(encoding="ascii").splitlines()]
        ranks = {base64.b64decode(token): int(rank) for token, rank in lines}
        pattern = self.PATTERNS[pathlib.Path(path).stem]
        self.reference = tiktoken.Encoding(path.stem, pat_str=pattern, mergeable_ranks=ranks, special_tokens={})
        self.n_ids = len(ranks)
        self.snippets = ["<|endoftext|>", "'S", "'ll"]

    def encode(self, text):
        return self.reference.encode_ordinary(text), None

    def decode(self, ids, skip_special_tokens):
        return self.reference.decode(ids)


def lines_of(rng):
    words = [word for sentence in SENTENCES for word in sentence.split()]
    return [" ".join(rng.choices(words, k=rng.randint(2, 20))) for _ in range(400)] + SENTENCES


def added_tokens(rng):
    tokens = []
    for content, flags in rng.sample(ADDED, rng.randint(0, len(ADDED))):
        tokens.append(hf.AddedToken(content, special=rng.random() < 0.4, **{"normalized": False, **flags}))
    return tokens


def random_normalizer(rng):
    choices = [
        normalizers.NFC(), normalizers.NFD(), normalizers.NFKC(), normalizers.NFKD(), normalizers.Lowercase(),
        normalizers.StripAccents(), normalizers.Strip(), normalizers.Nmt(), normalizers.Replace(" ", "\u2581"),
        normalizers.Replace(hf.Regex(r"\s{2,}"), " "), normalizers.Prepend("\u2581"), normalizers.BertNormalizer(),
    ]  # fmt: skip
    return normalizers.Sequence([rng.choice(choices) for _ in range(rng.randint(1, 3))])


def random_pre_tokenizer(rng):
    behaviors = ["removed", "isolated", "merged_with_previous", "merged_with_next", "contiguous"]
    choices = [
        lambda: pre_tokenizers.Whitespace(),
        lambda: pre_tokenizers.WhitespaceSplit(),
        lambda: pre_tokenizers.BertPreTokenizer(),
        lambda: pre_tokenizers.Punctuation(rng.choice(behaviors)),
        lambda: pre_tokenizers.Digits(individual_digits=rng.random() < 0.5),
        lambda: pre_tokenizers.UnicodeScripts(),
        lambda: pre_tokenizers.CharDelimiterSplit("e"),
        lambda: pre_tokenizers.Metaspace(prepend_scheme=rng.choice(["always", "never", "first"]), split=rng.random() < 0.7),
        lambda: pre_tokenizers.Split(hf.Regex(rng.choice(SPLITS)), rng.choice(behaviors), invert=rng.random() < 0.3),
    ]
    return [rng.choice(choices)() for _ in range(rng.randint(0, 2))]


def random_hugging_face(rng):
    """A tokenizer of random stages, trained on a few sentences."""
    kind = rng.choice(["byte_level", "byte_level", "bpe", "unigram", "wordpiece", "word_level"])
    stages = random_pre_tokenizer(rng)
    if kind == "byte_level":
        stages.append(pre_tokenizers.ByteLevel(add_prefix_space=rng.random() < 0.3, use_regex=not stages or rng.random() < 0.5))
        tokenizer = hf.Tokenizer(models.BPE(ignore_merges=rng.random() < 0.2))
        trainer = trainers.BpeTrainer(vocab_size=600, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False)
        tokenizer.decoder = decoders.ByteLevel()
    elif kind == "bpe":
        tokenizer = hf.Tokenizer(models.BPE(unk_token="<unk>", fuse_unk=rng.random() < 0.5, byte_fallback=rng.random() < 0.5))
        names = ["<unk>"] + ([f"<0x{byte:02X}>" for byte in range(256)] if rng.random() < 0.5 else [])
        trainer = trainers.BpeTrainer(vocab_size=700, special_tokens=names, limit_alphabet=60, show_progress=False)
        tokenizer.decoder = decoders.Sequence([decoders.Replace("\u2581", " "), decoders.ByteFallback(), decoders.Fuse()])
    elif kind == "unigram":
        tokenizer = hf.Tokenizer(models.Unigram())
        trainer = trainers.UnigramTrainer(vocab_size=300, unk_token="<unk>", special_tokens=["<unk>"], show_progress=False)
        tokenizer.decoder = decoders.Metaspace()
    elif kind == "wordpiece":
        tokenizer = hf.Tokenizer(models.WordPiece(unk_token="[UNK]", max_input_chars_per_word=rng.choice([10, 100])))
        trainer = trainers.WordPieceTrainer(vocab_size=400, special_tokens=["[UNK]"], limit_alphabet=80, show_progress=False)
        tokenizer.decoder = decoders.WordPiece(cleanup=rng.random() < 0.5)
    else:
        tokenizer = hf.Tokenizer(models.WordLevel(unk_token="[UNK]"))
        trainer = trainers.WordLevelTrainer(special_tokens=["[UNK]"], show_progress=False)
    if rng.random() < 0.6:
        tokenizer.normalizer = random_normalizer(rng)
    if stages:
        tokenizer.pre_tokenizer = stages[0] if len(stages) == 1 else pre_tokenizers.Sequence(stages)
    tokenizer.train_from_iterator(lines_of(rng), trainer)
    tokenizer.add_tokens(added_tokens(rng))
    return tokenizer


def random_sentencepiece(rng):
    model = io.BytesIO()
    kind = rng.choice(["unigram", "unigram", "bpe", "bpe", "char", "word"])
    byte_fallback = kind in ("unigram", "bpe") and rng.random() < 0.5
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(lines_of(rng)), model_writer=model, minloglevel=2, hard_vocab_limit=False, num_threads=1,
        model_type=kind, vocab_size=700 if byte_fallback else 400, byte_fallback=byte_fallback,
        normalization_rule_name=rng.choice(["nmt_nfkc", "nfkc", "nmt_nfkc_cf", "identity"]),
        remove_extra_whitespaces=rng.random() < 0.5, add_dummy_prefix=rng.random() < 0.7,
        treat_whitespace_as_suffix=rng.random() < 0.2, character_coverage=rng.choice([1.0, 0.98]),
        user_defined_symbols=rng.choice([[], ["[usr]", "mill", "\u2581\u2581"], ["<s><s>", "é", "\n"]]),
        split_by_whitespace=kind == "word" or rng.random() < 0.7,
    )  # fmt: skip
    return model.getvalue()


def random_ranks(rng):
    """tiktoken's lines, of the merges of a byte-level BPE."""
    tokenizer = hf.Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trainer = trainers.BpeTrainer(vocab_size=256 + rng.randint(1, 600), initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False)
    tokenizer.train_from_iterator(lines_of(rng), trainer)
    # GPT-2's alphabet: printable bytes are themselves, the others follow from U+0100 on.
    plain = [*range(ord("!"), ord("~") + 1), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    byte_of = {chr(byte): byte for byte in plain}
    byte_of |= {chr(256 + k): byte for k, byte in enumerate(byte for byte in range(256) if byte not in plain)}
    names = sorted(tokenizer.get_vocab(), key=tokenizer.token_to_id)
    tokens = [bytes(byte_of[c] for c in name) for name in names]
    return "".join(f"{base64.b64encode(token).decode()} {rank}\n" for rank, token in enumerate(tokens))


def made(name, folder):
    """The tokenizer of a name such as hf-17, made anew from its number."""
    kind, number = name.rsplit("-", 1)
    rng = random.Random(int(number))
    folder = pathlib.Path(folder) / name
    folder.mkdir(parents=True, exist_ok=True)
    if kind == "hf":
        path = folder / "tokenizer.json"
        random_hugging_face(rng).save(str(path))
        return HuggingFace(path)
    if kind == "sentencepiece":
        path = folder / "tokenizer.model"
        path.write_bytes(random_sentencepiece(rng))
        return SentencePiece(path)
    path = folder / (rng.choice(list(Tiktoken.PATTERNS)) + ".tiktoken")
    path.write_text(random_ranks(rng), encoding="ascii")
    return Tiktoken(path)


def installed():
    """name -> a function that loads it, of published tokenizers that the environment names."""
    found = {}
    gemma = os.environ.get("TIDEMILL_GEMMA_TOKENIZER_JSON", "")
    model = os.environ.get("TIDEMILL_MODEL_GEMMA", "")
    if gemma and pathlib.Path(gemma).exists():
        found["gemma"] = lambda: HuggingFace(pathlib.Path(gemma))
        if model and pathlib.Path(model).exists():
            found["gemma-gguf"] = lambda: GemmaGguf(pathlib.Path(gemma), pathlib.Path(model))
    folder = os.environ.get("TIDEMILL_EXTRA_DATA", "")
    for path in sorted(pathlib.Path(folder).glob("tokenizers/files/*")) if folder else []:
        if path.suffix == ".json" and isinstance(json.loads(path.read_text(encoding="utf-8")), dict):
            found[path.name] = lambda path=path: HuggingFace(path)
        elif path.suffix == ".model":
            found[path.name] = lambda path=path: SentencePiece(path)
        elif path.stem in Tiktoken.PATTERNS:
            found[path.name] = lambda path=path: Tiktoken(path)
    return found
