"""Sequences as lists, which the native part reads without a look at what else they may be."""

from __future__ import annotations

from collections.abc import Iterable, Sized
from typing import TypeVar

import numpy as np

from tidemill.errors import ArgumentError

Item = TypeVar("Item")

MOST = 1 << 28  # a list of them takes 2 GB; an array that only seems large, by strides of 0, becomes no list at all


def listed(name: str, values: Iterable[Item]) -> list[Item]:
    """Raises TypeError for a text, which is a sequence of characters, too, and ArgumentError for too many."""
    if isinstance(values, (str, bytes)):
        raise TypeError(f"{name}: is of {type(values).__name__}; give a list of them")
    n = values.size if isinstance(values, np.ndarray) else len(values) if isinstance(values, Sized) else 0
    if n > MOST:
        raise ArgumentError(f"{name}: {n} are too many; give at most {MOST} at once")
    if isinstance(values, np.ndarray):
        found: list[Item] = values.tolist()
        return found
    return list(values)
