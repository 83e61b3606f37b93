"""A loaded model that writes, chats, scores and makes vectors."""

from __future__ import annotations

import asyncio
import functools
import json
import os
import threading
from collections import deque
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from typing import Any, TypedDict, Unpack

import numpy as np
import numpy.typing as npt

from tidemill import _native
from tidemill._listed import listed
from tidemill._waiting import readable
from tidemill.embedder import Embedder
from tidemill.errors import ModelError
from tidemill.session import Session
from tidemill.tokenizer import Tokenizer


class GenerateOptions(TypedDict, total=False):
    """What functions that write take by name; without an option the engine's own choice counts."""

    max_tokens: int
    """-1, the default: until the model ends the text or the context is full."""
    temperature: float
    """0: always the most likely token."""
    top_k: int
    top_p: float
    min_p: float
    repeat_penalty: float
    frequency_penalty: float
    presence_penalty: float
    logit_bias: dict[int, float]
    """Token id to what is added to its score; -100 bans, 100 forces."""
    seed: int
    """The same seed, options and prompt give the same text."""
    stop: list[str]
    """The text ends before the first of these."""
    grammar: str
    """GBNF that the text must follow."""
    json_schema: str | Mapping[str, Any]
    """A JSON Schema: the text is one document that satisfies it."""
    logprobs: int
    """Each token's log-probability and those of so many most likely ones, in `Piece.logprobs`."""
    ignore_eos: bool
    """Go on after end-of-text tokens."""
    speculate: int
    """Tokens that are guessed and verified with the next one, 0 to 15, which changes no token; -1, the default, as many as
    measure faster."""


class _Written:
    """A text in the making: what came and is not read yet, and how it ends."""

    def __init__(self, native: _native.TextStream) -> None:
        self._native = native
        self._ready: deque[_native.Piece] = deque()

    @property
    def result(self) -> _native.Result | None:
        """The whole text with its usage; None before its end."""
        return self._native.result()

    def _whole(self) -> _native.Result:
        result = self._native.result()
        assert result is not None
        return result


class Stream(_Written, Iterator[_native.Piece]):
    """The pieces of a text as they are written.  Leaving it, by `close` or the end of a `with`, ends the work."""

    def __next__(self) -> _native.Piece:
        if not self._ready:
            self._ready.extend(self._native.next_pieces())
        if not self._ready:
            raise StopIteration
        return self._ready.popleft()

    def wait(self) -> _native.Result:
        """The whole text, once it is written."""
        for _ in self:
            pass
        return self._whole()

    def close(self) -> None:
        """Ends the work, where it has not ended."""
        self._native.cancel()

    def __enter__(self) -> Stream:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class AsyncStream(_Written, AsyncIterator[_native.Piece]):
    """The same for asyncio.  A task that is cancelled while it waits ends the work."""

    async def __anext__(self) -> _native.Piece:
        while not self._ready:
            self._ready.extend(self._native.ready_pieces())
            if self._ready:
                break
            if self._native.has_ended():
                raise StopAsyncIteration
            await self._wait()
        return self._ready.popleft()

    async def _wait(self) -> None:
        try:
            await readable(self._native.descriptor())
        except asyncio.CancelledError:
            self._native.cancel()
            raise

    async def wait(self) -> _native.Result:
        """The whole text, once it is written."""
        async for _ in self:
            pass
        return self._whole()

    async def aclose(self) -> None:
        """Ends the work, where it has not ended."""
        self._native.cancel()

    async def __aenter__(self) -> AsyncStream:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()


class _Texts:
    """The service that writes the texts of an engine and of the fine-tunes over it; started by the first of them."""

    def __init__(self, native: _native.Engine, max_running: int, max_queued: int) -> None:
        self._native, self._max_running, self._max_queued = native, max_running, max_queued
        self._lock = threading.Lock()
        self._service: _native.Service | None = None

    def service(self) -> _native.Service:
        with self._lock:
            if self._service is None:
                self._service = _native.Service(self._native, max_running=self._max_running, max_queued=self._max_queued)
        return self._service


def _paths(deltas: str | os.PathLike[str] | Sequence[str | os.PathLike[str]]) -> list[str]:
    return [os.fspath(one) for one in ([deltas] if isinstance(deltas, (str, os.PathLike)) else deltas)]


class Engine:
    """A loaded model; for any number of threads and tasks, whose texts are written together.

    >>> engine = tidemill.Engine.load("gemma3-270m")
    >>> engine.generate("The tide", max_tokens=20).text
    """

    def __init__(self, native: _native.Engine, *, max_running: int = 16, max_queued: int = 1024) -> None:
        self._native = native
        self._texts = _Texts(native, max_running, max_queued)
        self._lock = threading.Lock()
        self._embedder: Embedder | None = None

    @classmethod
    def load(
        cls,
        model: str | os.PathLike[str],
        *,
        threads: int = 0,
        context_length: int = 0,
        precision: str = "fast",
        state: str = "auto",
        draft: str | os.PathLike[str] = "",
        deltas: str | os.PathLike[str] | Sequence[str | os.PathLike[str]] = (),
        max_delta_bytes: int = -1,
        check_weights: bool = False,
        profile: bool = False,
        max_running: int = 16,
        max_queued: int = 1024,
    ) -> Engine:
        """`model` is a GGUF, .tmill or ONNX file, a Hugging Face folder, or a name in the model store.

        `threads`: 0 takes all processors.  `context_length`: positions for each text, 0 as many as the model has or
        memory holds.  `precision`: "fast", "f32", "bf16", "int8".  `state`: what keys and values are kept in, "f16",
        "f32", "int8".  `draft`: a smaller model that guesses ahead.  `deltas`: .tmdelta files that lead from the model
        to the one that is loaded, each made of what the one before restores.  `max_delta_bytes`: how much of all
        fine-tunes over the model (`with_deltas`) stays decoded, -1 as much as the model's own weights take.
        `check_weights` refuses weights that are NaN.  `profile` keeps a record for `take_profile`.
        Up to `max_running` texts are written at once and `max_queued` wait.

        Raises NotFound, FormatError, ModelError, or OutOfMemory before anything large is read.
        """
        native = _native.Engine.load(
            os.fspath(model),
            threads=threads,
            context_length=context_length,
            precision=precision,
            state=state,
            draft=os.fspath(draft),
            deltas=_paths(deltas),
            max_delta_bytes=max_delta_bytes,
            check_weights=check_weights,
            profile=profile,
        )
        return cls(native, max_running=max_running, max_queued=max_queued)

    def with_deltas(self, deltas: str | os.PathLike[str] | Sequence[str | os.PathLike[str]]) -> Engine:
        """A fine-tune over the weights that are in memory: what a .tmdelta of this model, or several one after the
        other, lead to.  It costs the deltas' bytes and its share of `max_delta_bytes`.  Its texts are written in the
        same steps as this engine's, and each is what the restored model would write alone.

        Raises NotFound, FormatError for a damaged delta and for one of another model, ModelError, saying why, for a
        fine-tune that cannot share the weights, such as one with another tokenizer; `load(model, deltas=...)` loads it.
        """
        tuned = Engine(self._native.with_deltas(_paths(deltas)))
        tuned._texts = self._texts
        return tuned

    def update(self, tensors: Mapping[str, Any]) -> None:
        """Replaces weights of the loaded model, for all who use it, between two passes: arrays by the names of the
        model's file, of the shapes and types that they have there (bfloat16 of ml_dtypes), or tensors that speak DLPack.

        Texts that are being written are read anew before they go on.  Everything is checked before anything is replaced.
        Raises ArgumentError naming the tensor for one that the model does not read, or of another shape or type;
        TypeError for what is no array; ModelError while there are fine-tunes of this engine (`with_deltas`).
        """
        self._native.update(dict(tensors))

    def apply_deltas(self, deltas: str | os.PathLike[str] | Sequence[str | os.PathLike[str]]) -> None:
        """The same with what deltas lead to from the model's files, whatever it has been updated with before.  Raises
        what `with_deltas` does, and ModelError while there are fine-tunes of this engine."""
        self._native.apply_deltas(_paths(deltas))

    def delta_memory(self) -> _native.DeltaMemory:
        """What fine-tunes over this model have decoded."""
        return self._native.delta_memory()

    def memory(self) -> _native.MemoryUse:
        """Bytes that the loaded model takes."""
        return self._native.memory()

    def take_profile(self) -> list[_native.ProfileRow]:
        """Where the time went since the last call of this, the longest first; empty unless loaded with `profile`."""
        return self._native.take_profile()

    def session(self) -> Session:
        """One sequence of its own, which can be forked, cut back, saved and restored."""
        return Session(self)

    def generate(self, prompt: str | Sequence[int], **options: Unpack[GenerateOptions]) -> _native.Result:
        """Continues a text, or token ids.  Ctrl-C ends the work and raises KeyboardInterrupt."""
        return self.stream(prompt, **options).wait()

    def stream(self, prompt: str | Sequence[int], **options: Unpack[GenerateOptions]) -> Stream:
        """The same, piece by piece as it is written."""
        return Stream(self._submit(prompt, options))

    async def agenerate(self, prompt: str | Sequence[int], **options: Unpack[GenerateOptions]) -> _native.Result:
        """`generate` for asyncio; cancelling the task ends the work."""
        return await self.astream(prompt, **options).wait()

    def astream(self, prompt: str | Sequence[int], **options: Unpack[GenerateOptions]) -> AsyncStream:
        """`stream` for asyncio."""
        return AsyncStream(self._submit(prompt, options))

    def chat(
        self,
        messages: Sequence[Mapping[str, Any]],
        *,
        tools: Sequence[Mapping[str, Any]] | None = None,
        **options: Unpack[GenerateOptions],
    ) -> _native.Result:
        """The answer to messages such as {"role": "user", "content": "Hello"}, by the model's chat template."""
        return self.generate(self.chat_ids(messages, tools=tools), **options)

    def chat_ids(self, messages: Sequence[Mapping[str, Any]], *, tools: Sequence[Mapping[str, Any]] | None = None) -> list[int]:
        """The prompt of a chat as token ids, for `stream`, `agenerate` and `astream`."""
        return self.tokenizer.encode(self.chat_prompt(messages, tools=tools), add_special_tokens=False, special_text="parse")

    def chat_prompt(self, messages: Sequence[Mapping[str, Any]], *, tools: Sequence[Mapping[str, Any]] | None = None) -> str:
        """The prompt of a chat as the model was trained on it, with its special tokens written out."""
        template = self._native.chat_template()
        if template is None:
            raise ModelError(f"{self.path}: has no chat template; use generate, or a model that was tuned to chat")
        variables: dict[str, Any] = {"messages": listed("messages", messages), "add_generation_prompt": True}
        if tools:
            variables["tools"] = listed("tools", tools)
        return template.render(json.dumps(variables, ensure_ascii=False))

    def logits(self, ids: Sequence[int]) -> npt.NDArray[np.float32]:
        """The scores after each id, [len(ids), vocab_size]; of an encoder its hidden states, [len(ids), d_model]."""
        return self._native.rows(listed("ids", ids))

    def embed(self, texts: str | Sequence[str], **options: Any) -> npt.NDArray[np.float32]:
        """A vector for each text, as `Embedder.embed` makes them."""
        with self._lock:
            if self._embedder is None:
                self._embedder = Embedder(_native.Embedder.of(self._native))
        return self._embedder.embed(texts, **options)

    @property
    def tokenizer(self) -> Tokenizer:
        return Tokenizer(self._native.tokenizer(), functools.partial(Tokenizer.from_model, self.path))

    @property
    def path(self) -> str:
        return self._native.path

    @property
    def vocab_size(self) -> int:
        return self._native.vocab_size

    @property
    def context_length(self) -> int:
        """Positions for each text, as loaded."""
        return self._native.context_length

    @property
    def is_encoder(self) -> bool:
        """Whether the model reads whole texts and writes none."""
        return self._native.is_encoder

    def _request(self, prompt: str | Sequence[int], options: GenerateOptions) -> _native.Request:
        fields: dict[str, Any] = dict(options)
        if isinstance(schema := fields.get("json_schema"), Mapping):
            fields["json_schema"] = json.dumps(schema)
        if isinstance(prompt, str):
            return _native.Request(self._native, prompt, **fields)
        return _native.Request(self._native, prompt_ids=listed("prompt", prompt), **fields)

    def _submit(self, prompt: str | Sequence[int], options: GenerateOptions) -> _native.TextStream:
        return self._texts.service().submit(self._native, self._request(prompt, options))
