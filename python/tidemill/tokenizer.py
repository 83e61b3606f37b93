"""Tokenizers alone: text to token ids and back, exactly as the model's own tokenizer does it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TypedDict, Unpack

from tidemill import _native

DEFAULT_CACHE_BYTES = 32 << 20


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


class Tokenizer:
    """A tokenizer of any kind; immutable, and for any number of threads at once.

    >>> tokenizer = tidemill.Tokenizer.from_file("tokenizer.json")
    >>> tokenizer.encode("The tide mill stood")
    >>> tokenizer.encode_batch(texts, num_threads=2)
    """

    def __init__(self, native: _native.Tokenizer) -> None:
        self._native = native

    @classmethod
    def from_file(cls, path: str | os.PathLike[str], *, cache_bytes: int = DEFAULT_CACHE_BYTES) -> Tokenizer:
        """Of a model file (GGUF, .tmill), tokenizer.json, a SentencePiece model, tiktoken's ranks, a vocabulary, or a
        folder with any of these.  `cache_bytes` limits what is kept of words that were met; 0 keeps none.

        Raises NotFound, FormatError naming the file and field, ModelError for kinds that are not known.
        """
        return cls(_native.Tokenizer.from_file(os.fspath(path), cache_bytes))

    @classmethod
    def from_model(cls, model: str | os.PathLike[str], *, cache_bytes: int = DEFAULT_CACHE_BYTES) -> Tokenizer:
        """The same of a model's file, folder or name in the model store."""
        return cls(_native.Tokenizer.from_model(os.fspath(model), cache_bytes))

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
        return self._native.encode_batch(list(texts), _native.EncodeOptions(**options), num_threads)

    def count(self, text: str, **options: Unpack[EncodeOptions]) -> int:
        """How many ids `encode` gives, without making them."""
        return self._native.count(text, _native.EncodeOptions(**options))

    def decode(self, ids: Sequence[int], *, skip_special_tokens: bool = True) -> str:
        """The text of ids; bytes that are not UTF-8 become U+FFFD.  Raises ArgumentError for an id out of range."""
        return self._native.decode(list(ids), skip_special_tokens)

    def token_name(self, id: int) -> str:
        """The token as the vocabulary spells it, such as "▁the" or "<bos>"."""
        return self._native.token_name(id)

    def token_id(self, name: str) -> int | None:
        """The id of the token that is spelled so; None when there is none."""
        found = self._native.token_id(name)
        return None if found < 0 else found

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
