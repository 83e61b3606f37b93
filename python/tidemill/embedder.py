"""Texts to vectors, with the values of sentence-transformers."""

from __future__ import annotations

import functools
import os
import threading
from collections.abc import Sequence
from typing import Unpack

import numpy as np
import numpy.typing as npt

from tidemill import _native
from tidemill._listed import listed
from tidemill._waiting import readable
from tidemill.devices import core_groups, n_sockets, run_on
from tidemill.embedding_stream import AsyncEmbeddingStream, EmbeddingStream, StreamOptions
from tidemill.errors import ArgumentError

MAX_TASKS = 1024  # of `aembed` and streams at once


class Embedder:
    """An embedding model; for any number of threads, which take turns at it.

    >>> embedder = tidemill.Embedder.load("all-minilm-l6-v2")
    >>> vectors = embedder.embed(["The tide mill stood", "Ein Mühlrad"])  # float32 [2, 384]
    """

    def __init__(self, native: _native.Embedder) -> None:
        self._native = native
        self._lock = threading.Lock()
        self._service: _native.EmbeddingService | None = None

    @classmethod
    def load(cls, model: str | os.PathLike[str], *, threads: int = 0, precision: str = "fast") -> Embedder:
        """`model` is a folder, a file or a name in the model store; raises what `Engine.load` does."""
        return cls(_native.Embedder.of(_native.Engine.load(os.fspath(model), threads=threads, precision=precision)))

    @classmethod
    def load_group(
        cls, model: str | os.PathLike[str], n_workers: int = 0, *, threads: int = 0, precision: str = "fast"
    ) -> list[Embedder]:
        """So many embedders of one model, each on a group of cores of its own with its memory there, for `embed_files`;
        0: one for each socket.  `threads` is the number of all of them, 0 all processors.  Raises ArgumentError for more
        of them than processors."""
        n_cores = _native.cpu_info().n_cores
        if n_workers > n_cores:
            raise ArgumentError(f"n_workers: {n_workers} is more than the {n_cores} processors; give at most one for each")
        groups = core_groups(n_workers or n_sockets())
        n_threads = threads or n_cores
        if len(groups) == 1:
            return [cls.load(model, threads=n_threads, precision=precision)]
        embedders = list[Embedder]()
        for index, group in enumerate(groups):
            share = max(1, n_threads // len(groups) + (index < n_threads % len(groups)))  # the first take what is left over
            embedders.append(run_on(group, functools.partial(cls.load, model, threads=share, precision=precision)))
        return embedders

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
            [texts] if isinstance(texts, str) else listed("texts", texts),
            prompt_name=prompt_name,
            dimensions=dimensions,
            long_texts=long_texts,
            overlap=overlap,
        )
        return rows[0] if is_one else rows

    async def aembed(self, texts: str | Sequence[str], *, prompt_name: str = "", dimensions: int = 0) -> npt.NDArray[np.float32]:
        """`embed` for asyncio; texts of all tasks share passes of the model and take turns, and cancelling the task ends
        the work.  Texts past `max_tokens` are cut.  Raises QueueFull while 1,024 calls and streams are open."""
        several = [texts] if isinstance(texts, str) else listed("texts", texts)
        if not several:
            return self._native.embed([], prompt_name=prompt_name, dimensions=dimensions)
        answer = self._shared().submit(several, prompt_name, dimensions)
        try:
            while not answer.has_ended():
                await readable(answer.descriptor())
        finally:
            answer.cancel()
        rows = answer.rows()
        return rows[0] if isinstance(texts, str) else rows

    def stream(self, **options: Unpack[StreamOptions]) -> EmbeddingStream:
        """A stream that text is written to and chunks with vectors are read from.  Raises ArgumentError, QueueFull."""
        return EmbeddingStream(self._shared(), options)

    def astream(self, **options: Unpack[StreamOptions]) -> AsyncEmbeddingStream:
        """`stream` for asyncio."""
        return AsyncEmbeddingStream(self._shared(), options)

    def service_statistics(self) -> _native.EmbeddingServiceStatistics:
        """What `aembed` and streams came to."""
        return self._shared().statistics()

    def _shared(self) -> _native.EmbeddingService:
        with self._lock:
            if self._service is None:
                self._service = _native.EmbeddingService(self._native, MAX_TASKS)
            return self._service

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
