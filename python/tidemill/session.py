"""One text and its state, which can be forked, cut back, saved and restored; and states of prompts on disk."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeVar, Unpack

import numpy as np
import numpy.typing as npt

from tidemill import _native
from tidemill._listed import listed

if TYPE_CHECKING:
    from tidemill.engine import Engine, GenerateOptions

Kind = TypeVar("Kind")


def _held(name: str, value: object, kind: type[Kind]) -> Kind:
    """The native part of an argument."""
    native = getattr(value, "_native", None)
    if not isinstance(native, kind):
        raise TypeError(f"{name}: is of {type(value).__name__}; give a tidemill.{kind.__name__}")
    return native


class Session:
    """One sequence of an engine.  What it holds is not computed again for a prompt that begins so.

    For one thread at a time: while a session works, other calls of it raise ArgumentError.

    >>> session = engine.session()
    >>> session.generate("The tide", max_tokens=8).text
    >>> other = session.fork()
    """

    def __init__(self, engine: Engine) -> None:
        """Raises OutOfMemory when the engine has no state left, ModelError for an encoder."""
        self._engine = engine
        self._native = _native.Session(_held("engine", engine, _native.Engine))

    def generate(
        self,
        prompt: str | Sequence[int],
        *,
        on_piece: Callable[[_native.Piece], object] | None = None,
        **options: Unpack[GenerateOptions],
    ) -> _native.Result:
        """Continues a whole text, or token ids, of which the session may hold the beginning.  `on_piece` is called with
        each piece as it is written; what it raises, and Ctrl-C, end the work."""
        return self._native.generate(self._engine._request(prompt, options), on_piece)

    def score(self, ids: Sequence[int]) -> npt.NDArray[np.float32]:
        """Appends ids; the scores after each, [len(ids), vocab_size].  Raises ContextFull, ArgumentError."""
        return self._native.score(listed("ids", ids))

    def append(self, ids: Sequence[int]) -> npt.NDArray[np.float32]:
        """Appends ids; the scores after the last, [vocab_size]."""
        return self._native.append(listed("ids", ids))

    def truncate(self, n: int) -> None:
        """Forgets all tokens from n on."""
        self._native.truncate(n)

    def fork(self) -> Session:
        """A session of its own that holds the same tokens."""
        forked = Session.__new__(Session)
        forked._engine, forked._native = self._engine, self._native.fork()
        return forked

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes what the session holds to a file.  Raises NotFound for a folder that is not there, InputOutputError."""
        self._native.save(os.fspath(path))

    def restore(self, path: str | os.PathLike[str]) -> None:
        """Becomes what was saved from a session of the same model and precision.  Raises FormatError, and then holds
        nothing, and ContextFull."""
        self._native.restore(os.fspath(path))

    def __len__(self) -> int:
        """Tokens held."""
        return len(self._native)


class PromptCache:
    """States of prompts on disk, so that a prompt that begins as an earlier one is read from where the two differ, by
    another process, too.

    >>> cache = tidemill.PromptCache(engine, "prompts/")
    >>> ids = engine.tokenizer.encode(prompt)
    >>> cache.load(session, ids)
    >>> session.generate(ids, max_tokens=20)
    >>> cache.store(session, ids)
    """

    def __init__(
        self,
        engine: Engine,
        path: str | os.PathLike[str],
        *,
        max_bytes: int = 1 << 30,
        on_note: Callable[[str], object] | None = None,
    ) -> None:
        """`path` is one file, or a folder of many where it is one already or ends in "/", in which what was used lately
        stays while it takes no more than `max_bytes`.  `on_note` is told, in one line, of files that cannot be used and
        of what cannot be written; the prompt is read instead.  Raises ArgumentError, ModelError for an encoder."""
        self._native = _native.PromptCache(_held("engine", engine, _native.Engine), os.fspath(path), max_bytes)
        self._on_note = on_note

    def load(self, session: Session, prompt: Sequence[int]) -> int:
        """Makes a session of the engine hold the kept text whose beginning is most of `prompt`, as ids; how many ids
        they share, never the prompt's last, whose scores are needed."""
        n = self._native.load(_held("session", session, _native.Session), listed("prompt", prompt))
        self._tell()
        return n

    def store(self, session: Session, prompt: Sequence[int]) -> None:
        """Cuts the session to what it holds of the beginning of `prompt` and keeps that, unless it is kept already.  A
        file that is no saved state is never replaced."""
        self._native.store(_held("session", session, _native.Session), listed("prompt", prompt))
        self._tell()

    def _tell(self) -> None:
        for note in self._native.take_notes():
            if self._on_note is not None:
                self._on_note(note)


__all__ = ["PromptCache", "Session"]
