"""How well documents answer a query, with the values of sentence-transformers' CrossEncoder."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Literal

import numpy as np
import numpy.typing as npt

from tidemill import _native
from tidemill._listed import listed


class Reranker:
    """A cross-encoder, which reads a query and a document together; for any number of threads, which take turns at it.

    >>> reranker = tidemill.Reranker.load("ms-marco-MiniLM-L6-v2")
    >>> order = reranker.scores("What turns the wheel?", documents).argsort()[::-1]
    """

    def __init__(self, native: _native.Reranker) -> None:
        self._native = native

    @classmethod
    def load(cls, model: str | os.PathLike[str], *, threads: int = 0) -> Reranker:
        """`model` is the folder of a BERT, RoBERTa or XLM-R with a head of one label, or a name in the model store.  Raises
        what `Engine.load` does, and ModelError for other models."""
        return cls(_native.Reranker.load(os.fspath(model), threads=threads))

    def scores(
        self, query: str, documents: Sequence[str], *, scale: Literal["model", "raw", "unit"] = "model"
    ) -> npt.NDArray[np.float32]:
        """A score for each document, [len(documents)], whatever others stand beside it.

        `scale`: "raw" is the classifier's number, "unit" its sigmoid, "model" what the model's configuration says.
        """
        return self._native.scores(query, listed("documents", documents), scale)

    @property
    def max_tokens(self) -> int:
        """Of a query and a document together; the longer one is cut."""
        return self._native.max_tokens
