"""Vectors of a text that never ends: text goes in as it comes, chunks with their vectors come out in its order."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Literal, TypedDict

from tidemill import _native
from tidemill._native import EmbeddingEvent, EmbeddingStreamStatistics
from tidemill._waiting import readable


class StreamOptions(TypedDict, total=False):
    """What streams take by name."""

    chunk_by: Literal["tokens", "sentence", "time"]
    """What ends a chunk besides its number of tokens: nothing, the end of a sentence, or `max_chunk_ms`."""
    chunk_tokens: int
    """Of a chunk at most, special ones among them; 128 by default."""
    overlap: int
    """Tokens that a chunk shares with the one before, at most half of it; not of sentences."""
    max_chunk_ms: float
    """Text waits no longer for more of its chunk; 0, the default, as long as it takes (by time: a second)."""
    max_wait_ms: float
    """A chunk waits no longer for others to be read with; 10 by default."""
    prompt_name: str
    """One of `Embedder.prompts`, which stands before each chunk."""
    dimensions: int
    """As `Embedder.embed` has it."""
    aggregate: Literal["mean", "max", "tokens", "position"] | None
    """With each chunk comes a vector of all so far (`EmbeddingEvent.aggregate`)."""
    max_text_bytes: int
    """That wait to be embedded; 65,536 by default, at least 32,768."""
    max_chunks: int
    """Being embedded, or waiting to be read; 32 by default."""


class _Stream:
    """A stream in the making."""

    def __init__(self, service: _native.EmbeddingService, options: StreamOptions) -> None:
        self._native = _native.open_embedding_stream(service, **options)

    def flush(self) -> None:
        """Ends the chunk that has begun, without waiting for more text."""
        self._native.flush()

    def finish(self) -> None:
        """No more text comes: what is there becomes the last chunks, and reading ends after them."""
        self._native.finish()

    def cancel(self) -> None:
        """Nothing more is wanted; what waits is dropped."""
        self._native.cancel()

    def statistics(self) -> EmbeddingStreamStatistics:
        """What the stream did so far, and what waits in it."""
        return self._native.statistics()


class EmbeddingStream(_Stream, Iterator[EmbeddingEvent]):
    """For two threads, one that writes and one that reads; both sides are bounded, so who does not read is not read from.
    The end of a `with` drops what has not been read."""

    def write(self, text: str) -> None:
        """Takes all of a text, waiting while there is no room.  What comes after `finish` or `cancel` is dropped."""
        self._native.write(text)

    def __next__(self) -> EmbeddingEvent:
        event = self._native.read()
        if event is None:
            raise StopIteration
        return event

    def __enter__(self) -> EmbeddingStream:
        return self

    def __exit__(self, *_: object) -> None:
        self.cancel()


class AsyncEmbeddingStream(_Stream, AsyncIterator[EmbeddingEvent]):
    """The same for two tasks of asyncio."""

    async def write(self, text: str) -> None:
        """Takes all of a text, waiting while there is no room."""
        if not isinstance(text, str):
            raise TypeError(f"text: is of {type(text).__name__}; give a str")
        content, taken = text.encode(), 0
        while (taken := self._native.offer(content, taken)) < len(content):
            await readable(self._native.room_descriptor())

    async def __anext__(self) -> EmbeddingEvent:
        while True:
            event = self._native.take()
            if event is not None:
                return event
            if self._native.has_ended():
                raise StopAsyncIteration
            await readable(self._native.events_descriptor())

    async def __aenter__(self) -> AsyncEmbeddingStream:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.cancel()


__all__ = ["AsyncEmbeddingStream", "EmbeddingEvent", "EmbeddingStream", "EmbeddingStreamStatistics", "StreamOptions"]
