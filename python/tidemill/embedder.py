"""Texts to vectors, with the values of sentence-transformers."""

from __future__ import annotations

import os
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from tidemill import _native


class Embedder:
    """An embedding model; for any number of threads, which take turns at it.

    >>> embedder = tidemill.Embedder.load("all-minilm-l6-v2")
    >>> vectors = embedder.embed(["The tide mill stood", "Ein Mühlrad"])  # float32 [2, 384]
    """

    def __init__(self, native: _native.Embedder) -> None:
        self._native = native

    @classmethod
    def load(cls, model: str | os.PathLike[str], *, threads: int = 0, precision: str = "fast") -> Embedder:
        """`model` is a folder, a file or a name in the model store; raises what `Engine.load` does."""
        return cls(_native.Embedder.of(_native.Engine.load(os.fspath(model), threads=threads, precision=precision)))

    def embed(
        self,
        texts: str | Sequence[str],
        *,
        prompt_name: str = "",
        dimensions: int = 0,
        long_texts: str = "cut",
        overlap: int = 0,
    ) -> npt.NDArray[np.float32]:
        """A row for each text, or one vector for one text.

        `prompt_name` names one of `prompts`, which stands before each text; `dimensions` keeps the first so many
        elements (Matryoshka); `long_texts` says what becomes of texts past `max_tokens`: "cut", or one vector of their
        parts, which share `overlap` tokens: "mean", "max", "tokens", "position".
        """
        is_one = isinstance(texts, str)
        rows = self._native.embed(
            [texts] if isinstance(texts, str) else list(texts),
            prompt_name=prompt_name,
            dimensions=dimensions,
            long_texts=long_texts,
            overlap=overlap,
        )
        return rows[0] if is_one else rows

    @property
    def dimensions(self) -> int:
        return self._native.dimensions

    @property
    def max_tokens(self) -> int:
        """Of a text; what follows is cut off or read in parts."""
        return self._native.max_tokens

    @property
    def is_normalized(self) -> bool:
        """Vectors have length 1."""
        return self._native.is_normalized

    @property
    def prompts(self) -> dict[str, str]:
        return self._native.prompts
