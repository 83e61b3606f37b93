"""What failing calls raise: a class for each kind of failure, all of them `tidemill.Error`.

The text of each is one line, "THING: WHY; WHAT TO DO".
"""

from __future__ import annotations

import re

_TENSOR = re.compile(r"\btensor '([^']*)'")


class Error(Exception):
    """Base of all errors of tidemill."""

    code = "internal"
    """The kind of failure, as JSON and logs of the other front ends spell it."""

    @property
    def thing(self) -> str:
        """What the message is about, usually a file: the part before its first colon and space."""
        return str(self).split(": ", 1)[0]

    @property
    def file(self) -> str | None:
        """The file that the message is about; None where it is about something else."""
        names_file = isinstance(self, (NotFound, FormatError, InputOutputError)) or "/" in self.thing
        return self.thing if names_file and ": " in str(self) else None

    @property
    def tensor(self) -> str | None:
        """The tensor that the message names; None where it names none."""
        found = _TENSOR.search(str(self))
        return found[1] if found else None


class ArgumentError(Error, ValueError):
    """An argument that makes no sense: out of its range, of the wrong length, none of the known words."""

    code = "invalid_argument"


class ShapeError(ArgumentError):
    """Arrays whose shapes do not fit each other; `thing` is the argument's name."""


class NotFound(Error, LookupError):
    """A file or a model's name that does not exist."""

    code = "not_found"


class FormatError(Error):
    """A file that is damaged, truncated or hostile."""

    code = "bad_file"


class ModelError(FormatError):
    """A file that is sound, but asks for what tidemill does not have: an architecture, a kind of number."""

    code = "unsupported"


class TokenizerError(FormatError):
    """A tokenizer's file that is damaged; what is wrong with it is the `__cause__`."""


class OutOfMemory(Error, MemoryError):
    """The work would not fit."""

    code = "out_of_memory"


class ContextFull(Error, ValueError):
    """The text is longer than the model reads."""

    code = "context_full"


class QueueFull(Error):
    """Too many requests wait; try again later."""

    code = "queue_full"


class Cancelled(Error):
    """The work was asked to stop."""

    code = "cancelled"


class InputOutputError(Error, OSError):
    """The system refused to read or write."""

    code = "io"


_BY_CODE = {
    kind.code: kind
    for kind in (ArgumentError, NotFound, FormatError, ModelError, OutOfMemory, ContextFull, QueueFull, Cancelled, InputOutputError)
}


def of_code(code: str, message: str) -> Error:
    """The error for a code of the C++ library."""
    return _BY_CODE.get(code, Error)(message)
