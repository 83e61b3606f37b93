"""What the native part computes of deltas of arrays, by NumPy alone: the same bits, for where it is missing, and the
oracle of its tests.  Arrays come checked by `tidemill.delta`: flat, of float16, float32 or float64."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from tidemill.errors import ArgumentError

LEAST_SCALE = 1e-10


def compress_sparse(delta: npt.NDArray[Any], threshold: float) -> tuple[npt.NDArray[Any], npt.NDArray[Any], float]:
    with np.errstate(over="ignore", under="ignore"):
        limit = np.float64(threshold).astype(delta.dtype)
    with np.errstate(invalid="ignore"):
        indices = np.flatnonzero(~(np.abs(delta) < limit))
    n, n_kept = delta.size, indices.size
    width = np.uint32 if n <= 1 << 32 else np.uint64
    ratio = 1.0 if n == 0 else max(1.0, 2.0 * n / max(1.0, 6.0 * n_kept))
    return indices.astype(width), delta[indices], ratio


def decompress_sparse(indices: npt.NDArray[Any], values: npt.NDArray[Any], out: npt.NDArray[Any]) -> None:
    if indices.size and (largest := int(indices.max())) >= out.size:
        raise ArgumentError(
            f"delta arrays: index {largest} is outside an array of {out.size} elements; "
            "give the shape of the array that was compressed"
        )
    out[...] = 0
    # An index that comes twice: the last value wins, which NumPy says of assignment only where there is one index.
    last = indices.size - 1 - np.unique(indices[::-1], return_index=True)[1]
    out[indices[last]] = values[last]


def compress_int8(delta: npt.NDArray[Any], quantized: npt.NDArray[Any]) -> tuple[float, float]:
    largest = float(np.max(np.abs(delta), initial=0))
    if not np.isfinite(largest):
        raise ArgumentError("delta arrays: a number is NaN or infinite, which int8 cannot hold; compress_sparse keeps it")
    scale = largest / 127
    if scale < LEAST_SCALE:
        scale = 1.0
    exact = working_type(delta.dtype)
    numbers: npt.NDArray[Any] = delta.astype(exact)
    quantized[...] = np.clip(np.rint(numbers / exact(scale)), -127, 127)
    return scale, 2.0 * delta.size / (delta.size + 4.0)


def decompress_int8(quantized: npt.NDArray[Any], scale: float, out: npt.NDArray[Any]) -> None:
    exact = working_type(out.dtype)
    numbers: npt.NDArray[Any] = quantized.astype(exact)
    with np.errstate(over="ignore", under="ignore"):
        out[...] = numbers * exact(scale)


def working_type(dtype: np.dtype[Any]) -> type[np.floating[Any]]:
    """What numbers of a type are divided and multiplied in."""
    return np.float64 if dtype == np.float64 else np.float32
