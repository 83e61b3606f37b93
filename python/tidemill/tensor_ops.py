"""Functions of arrays on the kernels that models run on: products, attention, activations, normalisation.

    >>> import numpy as np
    >>> from tidemill import tensor_ops
    >>> tensor_ops.softmax(np.zeros((2, 4), np.float32))
    array([[0.25, 0.25, 0.25, 0.25],
           [0.25, 0.25, 0.25, 0.25]], dtype=float32)

Each is a method of `TensorOperations`, which has a number of threads, and a function of this module, which has all.

Arguments are NumPy arrays, whatever speaks DLPack (tensors of PyTorch and JAX in the memory of the CPU), whatever lends a
buffer, and lists of numbers, which count as float32. They are read where they lie, transposed and sliced ones too, and never
modified. Numbers are float32, float16, bfloat16 (of the package ml_dtypes) or float64. Results are fresh NumPy arrays of the
arguments' type, of float32 where these differ. All is computed in float32; float64 is rounded to it, and results are
float32 then. `simd_dot_product` and `simd_vector_add` compute float64 in float64.

A row of a result does not depend on other rows nor on the number of threads, bit for bit. NaN and infinities go the way of
IEEE 754. The GIL is released while more than some thousand numbers are computed. Calls from several threads at once do not
wait for each other.

Errors: `TypeError` for objects that are no arrays and for numbers of other types, `tidemill.ShapeError` (a `ValueError`) for
shapes that do not fit, `tidemill.ArgumentError` (a `ValueError`) for options out of their range, `tidemill.OutOfMemory` (a
`MemoryError`). Their texts begin with the argument's name.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, Protocol, TypeAlias, TypedDict, overload

import numpy as np
import numpy.typing as npt

from tidemill import _native
from tidemill.errors import ArgumentError, ShapeError

__all__ = [
    "Array",
    "SimdSupport",
    "TensorLike",
    "TensorOperations",
    "check_simd_support",
    "gelu",
    "layer_norm",
    "matmul",
    "rms_norm",
    "rope",
    "scaled_dot_product_attention",
    "silu",
    "simd_dot_product",
    "simd_vector_add",
    "softmax",
    "warmup",
]

Array: TypeAlias = npt.NDArray[Any]
"""What the functions give."""


class SupportsDLPack(Protocol):
    """A tensor of another library."""

    def __dlpack__(self) -> object: ...


TensorLike: TypeAlias = npt.NDArray[Any] | np.generic | SupportsDLPack | memoryview | Sequence[Any]
"""What the functions take."""


class SimdSupport(TypedDict):
    """What `check_simd_support` tells."""

    cpu: str
    """The processor's name; empty when the system does not tell."""
    n_cores: int
    """Processors that this process may run on."""
    features: list[str]
    """What the processor has of what matters here: "avx2", "avx512_vnni", ..."""
    available: list[str]
    """Instruction sets that the kernels were built for and the processor has, best first."""
    active: str
    """The one in use; the environment variable TIDEMILL_ISA forces another one before the first call."""


class TensorOperations:
    """The functions of this module with a number of threads of their own.

    `num_threads` counts the caller's: 1 starts none, 0 is one for each processor the process may use. They start with
    the first call that is worth them. Raises `ArgumentError` below 0 and above 1024.
    """

    def __init__(self, num_threads: int = 0) -> None:
        self._native = _native.TensorOps(num_threads)

    def __repr__(self) -> str:
        return f"TensorOperations(num_threads={self.num_threads})"

    @property
    def num_threads(self) -> int:
        """How many threads compute, the caller's among them."""
        return self._native.num_threads

    def matmul(self, a: TensorLike, b: TensorLike, m: int | None = None, k: int | None = None, n: int | None = None) -> Array:
        """The product of two matrices.

        a: [m, k], b: [k, n]; returns [m, n]. With `m`, `k` and `n`, which are given together, `a` and `b` may also be
        flat, m * k and k * n numbers row by row. Sums are in float32, each within 1e-6 of the sum of its products'
        magnitudes.
        """
        if m is None and k is None and n is None:
            return self._native.matmul(a, b, None)
        if m is None or k is None or n is None:
            raise ArgumentError("m, k, n: some are missing; give all three or none")
        return self._native.matmul(a, b, [m, k, n])

    def scaled_dot_product_attention(
        self,
        q: TensorLike,
        k: TensorLike,
        v: TensorLike,
        mask: TensorLike | None = None,
        *,
        causal: bool = False,
        scale: float | None = None,
    ) -> Array:
        """softmax(scale * q @ k.T + mask) @ v, as `torch.nn.functional.scaled_dot_product_attention`.

        q: [..., n_heads, n_queries, head_dim]; k, v: [..., n_kv_heads, n_keys, head_dim], where n_kv_heads divides
        n_heads: heads that follow each other share keys (grouped queries). Axes may be missing from the left, in all
        three alike. Returns the shape of q, each number within 5e-6 of the greatest magnitude in v.

        mask: what broadcasts to [..., n_heads, n_queries, n_keys]: of booleans, whether a query sees a key; of floats,
        what is added to the score. causal: query i sees keys 0 to i alone. A query that sees no key gets zeros.
        Values that are not seen have the weight 0, which NaN and infinities among them outlive.
        scale: 1 / sqrt(head_dim) where it is not given.
        """
        return self._native.attention(q, k, v, mask, causal, scale)

    @overload
    def gelu(self, x: float, approximate: Literal["none", "tanh"] = "none") -> float: ...
    @overload
    def gelu(self, x: TensorLike, approximate: Literal["none", "tanh"] = "none") -> Array: ...
    def gelu(self, x: float | TensorLike, approximate: Literal["none", "tanh"] = "none") -> float | Array:
        """x times the normal distribution's share below x, of each number; of a float, a float.

        approximate: "none" by the error function, "tanh" as 0.5 x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))). Within
        3e-7 times the greater of 1 and abs(x) in float32. Hendrycks and Gimpel 2016, arXiv:1606.08415.
        """
        if approximate not in ("none", "tanh"):
            raise ArgumentError(f"approximate: {approximate!r:.50} is none of 'none' and 'tanh'")
        return self._native.gelu(x, approximate == "tanh")

    @overload
    def silu(self, x: float) -> float: ...
    @overload
    def silu(self, x: TensorLike) -> Array: ...
    def silu(self, x: float | TensorLike) -> float | Array:
        """x / (1 + e^-x) of each number; of a float, a float. Within 3e-7 times the greater of 1 and abs(x)."""
        return self._native.silu(x)

    def softmax(self, x: TensorLike, axis: int = -1) -> Array:
        """e^x / sum(e^x) along an axis, negative ones counted from the last.

        Within 2e-6 times each number, of an axis whose numbers differ by 20 at most; NaN where an axis has a NaN, +infinity or only -infinities.
        """
        return self._native.softmax(x, axis)

    def layer_norm(
        self, x: TensorLike, weight: TensorLike | None = None, bias: TensorLike | None = None, eps: float = 1e-5
    ) -> Array:
        """(x - mean) / sqrt(variance + eps) * weight + bias over the last axis.

        weight, bias: [n], of the last axis' length, perhaps missing. Returns x's shape and type. Ba et al. 2016,
        arXiv:1607.06450.
        """
        return self._native.layer_norm(x, weight, bias, eps)

    def rms_norm(self, x: TensorLike, weight: TensorLike | None = None, eps: float = 1e-6) -> Array:
        """x / sqrt(mean(x^2) + eps) * weight over the last axis, as `layer_norm`. Zhang and Sennrich 2019, arXiv:1910.07467."""
        return self._native.rms_norm(x, weight, eps)

    def rope(
        self,
        x: TensorLike,
        positions: Sequence[int] | npt.NDArray[np.integer[Any]] | None = None,
        *,
        base: float = 10000.0,
        n_rotated: int = 0,
        interleaved: bool = False,
    ) -> Array:
        """Rotary position embedding of queries or keys. Su et al. 2021, arXiv:2104.09864.

        x: [..., n_tokens, head_dim], as attention takes it; positions: [n_tokens], 0, 1, 2, ... where not given, within 32
        bits. Pair j turns by positions * base^(-2 j / n_rotated) radians, a product in float32. n_rotated: how many
        elements of a head turn, from the first on, an even number; 0: all. Pairs are elements j and j + n_rotated / 2, or,
        interleaved, 2 j and 2 j + 1.
        """
        return self._native.rope(x, _positions(positions), base, n_rotated, interleaved)

    def simd_dot_product(self, a: TensorLike, b: TensorLike) -> float:
        """The sum of a[i] * b[i] of two arrays of one axis and one length.

        Within 1e-6 of the sum of the products' magnitudes, of float64 within 1e-15.
        """
        return self._native.dot(a, b)

    def simd_vector_add(self, a: TensorLike, b: TensorLike) -> Array:
        """a + b of two arrays of one shape, rounded to the nearest number of their type."""
        return self._native.add(a, b)

    def warmup(self) -> None:
        """Starts the threads and runs each kernel once, so that the first call is as quick as others."""
        self._native.warm_up()


def _positions(positions: Sequence[int] | npt.NDArray[np.integer[Any]] | None) -> npt.NDArray[np.int32]:
    array = np.asarray([] if positions is None else positions)
    if array.ndim != 1:
        raise ShapeError(f"positions: the shape {list(array.shape)}: expected one axis")
    if array.size == 0:
        return np.empty(0, np.int32)
    if array.dtype.kind not in "iu":
        raise TypeError(f"positions: an array of {array.dtype}; give integers")
    if array.min() < -(2**31) or array.max() >= 2**31:
        raise ArgumentError("positions: some do not fit in 32 bits")
    return np.ascontiguousarray(array, np.int32)


def check_simd_support() -> SimdSupport:
    """What the processor has, and what of it is in use."""
    cpu = _native.cpu_info()
    return {
        "cpu": cpu.name,
        "n_cores": cpu.n_cores,
        "features": cpu.features,
        "available": _native.available_isas(),
        "active": _native.active_isa(),
    }


_all_threads = TensorOperations()
matmul = _all_threads.matmul
scaled_dot_product_attention = _all_threads.scaled_dot_product_attention
gelu = _all_threads.gelu
silu = _all_threads.silu
softmax = _all_threads.softmax
layer_norm = _all_threads.layer_norm
rms_norm = _all_threads.rms_norm
rope = _all_threads.rope
simd_dot_product = _all_threads.simd_dot_product
simd_vector_add = _all_threads.simd_vector_add
warmup = _all_threads.warmup
