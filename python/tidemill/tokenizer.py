"""Tokenizers alone: text to token ids and back, exactly as the model's own tokenizer does it."""

from __future__ import annotations

import contextlib
import functools
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, TypedDict, Unpack

import numpy as np
import numpy.typing as npt

from tidemill import _native
from tidemill._listed import listed
from tidemill.errors import ArgumentError, FormatError, ModelError, TokenizerError

DEFAULT_CACHE_BYTES = 32 << 20

Path = str | os.PathLike[str]


class EncodeOptions(TypedDict, total=False):
    """What functions that encode take by name."""

    add_special_tokens: bool
    """What the model wants around a text, e.g. <bos>; True by default."""
    special_text: str
    """Text that spells a special token: "parse" makes it that token, "as_text" takes it as text, "forbid" raises, and
    "standard", the default, does what the library does that the file is made for."""
    max_length: int | None
    """Cuts longer texts; with `stride` tokens shared between what is kept and `Encoding.overflowing`."""
    stride: int
    truncation_side: str
    padding: bool | int
    """True: to the longest of a batch; a number: to that many tokens, by `pad_id`, on `padding_side`."""
    pad_id: int
    padding_side: str


class TrainingOptions(TypedDict, total=False):
    """What `Tokenizer.train` takes by name."""

    kind: Literal["bpe", "wordpiece", "spm-bpe", "unigram"]
    vocab_size: int
    """30,000 by default, special tokens included."""
    min_frequency: int
    """Not unigram: a pair that occurs less often is not merged."""
    special_tokens: Sequence[str]
    """Get the first ids."""
    pattern: str
    """bpe: how text is cut into words, "gpt2" or another name, or a regular expression."""
    limit_alphabet: int | None
    max_token_length: int | None
    lowercase: bool
    """wordpiece: drops accents, too; True by default."""
    num_threads: int
    on_progress: Callable[[str, float], object] | None
    """Called with the phase and its share; what it raises, and Ctrl-C, end the work."""


class Tokenizer:
    """A tokenizer of any kind; immutable, and for any number of threads at once.

    >>> tokenizer = tidemill.Tokenizer.from_file("tokenizer.json")
    >>> tokenizer.encode("The tide mill stood")
    >>> tokenizer.encode_batch(texts, num_threads=2)
    """

    def __init__(self, native: _native.Tokenizer, source: Callable[[], Tokenizer] | None = None) -> None:
        self._native, self._source = native, source

    def __reduce__(self) -> tuple[Callable[[], Tokenizer], tuple[()]]:
        """Pickled as where it was loaded from, so that processes of a pool load it anew."""
        if self._source is None:
            raise TypeError("a tokenizer that was loaded from no file cannot be pickled")
        return self._source, ()

    @classmethod
    def from_file(cls, path: str | os.PathLike[str], *, cache_bytes: int = DEFAULT_CACHE_BYTES) -> Tokenizer:
        """Of a model file (GGUF, .tmill), tokenizer.json, a SentencePiece model, tiktoken's ranks, a vocabulary, or a
        folder with any of these.  `cache_bytes` limits what is kept of words that were met; 0 keeps none.

        Raises NotFound, TokenizerError naming the file and field, ModelError for kinds that are not known.
        """
        with _tokenizer_errors():
            native = _native.Tokenizer.from_file(os.fspath(path), cache_bytes)
        return cls(native, functools.partial(cls.from_file, os.path.abspath(path), cache_bytes=cache_bytes))

    @classmethod
    def from_model(cls, model: str | os.PathLike[str], *, cache_bytes: int = DEFAULT_CACHE_BYTES) -> Tokenizer:
        """The same of a model's file, folder or name in the model store."""
        with _tokenizer_errors():
            native = _native.Tokenizer.from_model(os.fspath(model), cache_bytes)
        return cls(native, functools.partial(cls.from_model, os.fspath(model), cache_bytes=cache_bytes))

    @classmethod
    def train(cls, files: Path | Sequence[Path], out: Path, **options: Unpack[TrainingOptions]) -> Tokenizer:
        """Trains a tokenizer on text files, writes it to `out` as a tokenizer.json that Hugging Face's tokenizers read,
        and loads it.  The result depends on the texts and options, not on the threads.

        Raises NotFound, ArgumentError for options out of range or of another kind of tokenizer, InputOutputError.
        """
        names = [files] if isinstance(files, (str, os.PathLike)) else files
        _native.train_tokenizer([os.fspath(name) for name in names], os.fspath(out), **options)
        return cls.from_file(out)

    def encode(self, text: str, **options: Unpack[EncodeOptions]) -> list[int]:
        """Token ids of a text."""
        return self._native.encode(text, _native.EncodeOptions(**options))

    def encode_full(self, text: str, pair: str | None = None, **options: Unpack[EncodeOptions]) -> _native.Encoding:
        """A text, or a pair of texts, with all that is known about its tokens."""
        return self._native.encode_full(text, pair, _native.EncodeOptions(**options))

    def encode_offsets(self, text: str, **options: Unpack[EncodeOptions]) -> tuple[list[int], list[tuple[int, int]]]:
        """Token ids, and for each the characters of `text` that it stands for, as (begin, end)."""
        return self._native.offsets(text, _native.EncodeOptions(**options))

    def encode_batch(self, texts: Sequence[str], *, num_threads: int = 1, **options: Unpack[EncodeOptions]) -> list[list[int]]:
        """Token ids of many texts, in their order; `num_threads=0` takes all processors.  Long texts are cut where that
        changes nothing, so that one is work for several threads, too."""
        return self._native.encode_batch(listed("texts", texts), _native.EncodeOptions(**options), num_threads)

    def encode_batch_flat(
        self, texts: Sequence[str], *, num_threads: int = 1, **options: Unpack[EncodeOptions]
    ) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int64]]:
        """`encode_batch` without a Python object for each id: (ids, begins), all ids one after the other, int32, and
        where those of each text begin, with the end of all behind them: text k has ids[begins[k]:begins[k + 1]]."""
        return self._native.encode_batch_flat(listed("texts", texts), _native.EncodeOptions(**options), num_threads)

    def count(self, text: str, **options: Unpack[EncodeOptions]) -> int:
        """How many ids `encode` gives, without making them."""
        return self._native.count(text, _native.EncodeOptions(**options))

    def decode(self, ids: Sequence[int], *, skip_special_tokens: bool = True) -> str:
        """The text of ids; bytes that are not UTF-8 become U+FFFD.  Raises ArgumentError for an id out of range."""
        return self._native.decode(listed("ids", ids), skip_special_tokens)

    def decode_batch(self, batch: Sequence[Sequence[int]], *, skip_special_tokens: bool = True) -> list[str]:
        """The text of each list of ids."""
        return self._native.decode_batch([listed("batch", ids) for ids in listed("batch", batch)], skip_special_tokens)

    def token_name(self, id: int) -> str:
        """The token as the vocabulary spells it, such as "▁the" or "<bos>"; bytes that are not UTF-8 as "surrogateescape" has
        them."""
        return self._native.token_name(id).decode("utf-8", "surrogateescape")

    def token_id(self, name: str) -> int | None:
        """The id of the token that is spelled so; None when there is none."""
        if not isinstance(name, str):
            raise TypeError(f"name: is of {type(name).__name__}; give a str")
        found = self._native.token_id(name.encode("utf-8", "surrogateescape"))
        return None if found < 0 else found

    def vocab(self) -> dict[str, int]:
        """All tokens as the vocabulary spells them, with their ids; of several ids of one spelling the first."""
        found: dict[str, int] = {}
        for id in range(self.vocab_size):
            found.setdefault(self.token_name(id), id)
        return found

    def is_special(self, id: int) -> bool:
        """True for control tokens: they steer the model and are not text."""
        return self._native.is_special(id)

    @property
    def vocab_size(self) -> int:
        return self._native.vocab_size

    @property
    def bos_id(self) -> int | None:
        """What texts with special tokens begin with; None when the model has no such token."""
        return None if self._native.bos_id < 0 else self._native.bos_id

    @property
    def stop_ids(self) -> list[int]:
        """Ids after which writing ends."""
        return self._native.stop_ids

    def cache_statistics(self) -> _native.CacheStatistics:
        """Hits, misses and bytes of what is kept of words that were met."""
        return self._native.cache_statistics()

    def __len__(self) -> int:
        return self.vocab_size


@dataclass(frozen=True)
class TokenizerConfig:
    """What a `FastTokenizer` is made of."""

    model: str | os.PathLike[str] = "bytes"
    """Any file, folder or name that `Tokenizer.from_model` takes; "bytes" needs none: its ids are bytes."""
    use_simd: bool = True
    """For programs that say so; ids never depend on it.  The instruction set is chosen for the whole process: with
    TIDEMILL_ISA=scalar in its environment no vectors are used."""
    parallel: bool = True
    """Whether `encode_batch` takes all processors."""
    cache_capacity: int = 10_000
    """Texts whose ids are kept, those that were used longest ago go first; 0 keeps none."""
    add_special_tokens: bool = True
    unk_token: str | None = None
    """These four are tokens as the vocabulary spells them; None is what the model itself has, if it says."""
    pad_token: str | None = None
    bos_token: str | None = None
    eos_token: str | None = None


class FastTokenizer(Tokenizer):
    """A tokenizer that remembers the texts it has encoded, for those that come again and again.

    >>> tokenizer = FastTokenizer(TokenizerConfig(model="tokenizer.json"))
    >>> tokenizer.encode("The tide mill stood")
    """

    def __init__(self, config: TokenizerConfig | None = None, *, cache_bytes: int = DEFAULT_CACHE_BYTES) -> None:
        """`cache_bytes` as `Tokenizer.from_file` has it, for words; texts are kept by the configuration.  Raises what
        `Tokenizer.from_model` does, and ArgumentError for a special token that is not in the vocabulary."""
        self.config = config if config is not None else TokenizerConfig()
        if not isinstance(self.config, TokenizerConfig):
            raise TypeError(f"config: is of {type(config).__name__}; give a TokenizerConfig")
        if self.config.cache_capacity < 0:
            raise ArgumentError(f"cache_capacity: {self.config.cache_capacity} is below 0; 0 keeps nothing")
        with _tokenizer_errors():
            native = _native.Tokenizer.from_model(os.fspath(self.config.model), cache_bytes, self.config.cache_capacity)
        super().__init__(native, functools.partial(type(self), self.config, cache_bytes=cache_bytes))
        self.special_tokens: dict[str, int] = {}
        """The ids of the special tokens that the configuration names, by "unk", "pad", "bos", "eos"."""
        for role in ("unk", "pad", "bos", "eos"):
            name = getattr(self.config, f"{role}_token")
            if name is None:
                continue
            id = self.token_id(name)
            if id is None:
                raise ArgumentError(f"{role}_token: the vocabulary has no {name!r}; see Tokenizer.vocab()")
            self.special_tokens[role] = id

    @classmethod
    def from_file(cls, path: Path, *, cache_bytes: int = DEFAULT_CACHE_BYTES) -> FastTokenizer:
        """One of a file, with all else by default."""
        return cls(TokenizerConfig(model=path), cache_bytes=cache_bytes)

    @classmethod
    def from_model(cls, model: Path, *, cache_bytes: int = DEFAULT_CACHE_BYTES) -> FastTokenizer:
        """The same of a model."""
        return cls.from_file(model, cache_bytes=cache_bytes)

    def encode(self, text: str, **options: Unpack[EncodeOptions]) -> list[int]:
        """Token ids of a text, kept for when it comes again."""
        return super().encode(text, **self._with_defaults(options))

    def encode_batch(
        self, texts: Sequence[str], *, num_threads: int | None = None, **options: Unpack[EncodeOptions]
    ) -> list[list[int]]:
        """Token ids of many texts; `num_threads` is by the configuration where it is None."""
        if num_threads is None:
            num_threads = 0 if self.config.parallel else 1
        return super().encode_batch(texts, num_threads=num_threads, **self._with_defaults(options))

    def cache_stats(self) -> _native.CacheStatistics:
        """Hits, misses, evictions and bytes of the encodings that are kept."""
        return self._native.encoding_statistics()

    def clear_cache(self) -> None:
        """Forgets the encodings, not what was counted."""
        self._native.clear_encodings()

    @property
    def bos_id(self) -> int | None:
        return self.special_tokens.get("bos", super().bos_id)

    @property
    def pad_id(self) -> int | None:
        """Of `pad_token`; None where the configuration names none."""
        return self.special_tokens.get("pad")

    @property
    def stop_ids(self) -> list[int]:
        return [self.special_tokens["eos"]] if "eos" in self.special_tokens else super().stop_ids

    def _with_defaults(self, options: EncodeOptions) -> EncodeOptions:
        made: EncodeOptions = {"add_special_tokens": self.config.add_special_tokens}
        if "pad" in self.special_tokens:
            made["pad_id"] = self.special_tokens["pad"]
        made.update(options)
        return made


def batch_encode(tokenizer: Tokenizer, texts: Sequence[str], parallel: bool = True, **options: Unpack[EncodeOptions]) -> list[list[int]]:
    """Token ids of many texts, on all processors where `parallel`."""
    if not isinstance(tokenizer, Tokenizer):
        raise TypeError(f"tokenizer: is of {type(tokenizer).__name__}; give a tidemill.Tokenizer")
    return tokenizer.encode_batch(texts, num_threads=0 if parallel else 1, **options)


@contextlib.contextmanager
def _tokenizer_errors() -> Iterator[None]:
    """Damaged files of tokenizers raise TokenizerError; what is wrong with the file is its cause."""
    try:
        yield
    except ModelError:
        raise
    except FormatError as error:
        raise TokenizerError(str(error)) from error


__all__ = ["EncodeOptions", "FastTokenizer", "Tokenizer", "TokenizerConfig", "TrainingOptions", "batch_encode"]
