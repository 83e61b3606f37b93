"""Deltas: what a fine-tune changed, made small; of arrays, and of whole models as `.tmdelta` files.

    >>> indices, values, ratio = compress_delta_sparse(tuned - base, threshold=1e-4)
    >>> restored = base + decompress_delta_sparse(indices, values, base.shape)
    >>> make("base.safetensors", "tuned.safetensors", "tuned.tmdelta").ratio
    >>> with open("base.safetensors", "tuned.tmdelta") as model:
    ...     weight = model["model.embed_tokens.weight"]

Arrays may be of float16, float32 or float64, of any shape and strides, and read-only; none is modified.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from tidemill import _delta_numpy
from tidemill.errors import ArgumentError, ModelError, ShapeError

if TYPE_CHECKING:
    import tidemill._native as _native
    from tidemill._native import (
        AddedDelta,
        CollectedGarbage,
        DeltaAdapter,
        DeltaInfo,
        DeltaReport,
        DeltaStoreProblem,
        DeltaTensor,
        StoredDelta,
        TensorChange,
    )
else:
    try:
        import tidemill._native as _native
    except ModuleNotFoundError as missing:  # one that is there and cannot be loaded is no reason to be slow
        if missing.name != "tidemill._native":
            raise
        _native = None

_arrays: Any = _delta_numpy if _native is None else _native

Path: TypeAlias = "str | os.PathLike[str]"
Mode = Literal["lossless", "sparse", "int8", "int4", "sign", "lowrank"]
Progress: TypeAlias = "Callable[[float], object]"

_FLOATS = (np.float16, np.float32, np.float64)


def is_available() -> bool:
    """Whether the native part is loaded.  Without it NumPy does the work of the functions over arrays, bit for bit the
    same; those over files need it."""
    return _arrays is not _delta_numpy


def compress_delta_sparse(delta: npt.ArrayLike, threshold: float = 1e-6) -> tuple[npt.NDArray[Any], npt.NDArray[Any], float]:
    """(indices, values, ratio) of the numbers that are large: abs(x) >= threshold, rounded to the array's type.

    Indices ascend into the flattened array, uint32 up to 2^32 elements and uint64 above; values keep type and bits; NaN
    is always kept.  ratio: bytes of the array as float16 over those of 32-bit indices and float16 values, at least 1.
    Raises TypeError for other types of numbers, ArgumentError for a threshold that is NaN.
    """
    flat = _flat_floats("delta", delta)
    found: tuple[npt.NDArray[Any], npt.NDArray[Any], float] = _arrays.compress_sparse(flat, _number("threshold", threshold))
    return found


def decompress_delta_sparse(
    indices: npt.ArrayLike, values: npt.ArrayLike, shape: int | Sequence[int], dtype: npt.DTypeLike | None = None
) -> npt.NDArray[Any]:
    """An array of `shape`: values at their indices, 0 elsewhere; of the values' type where `dtype` is None.

    Indices may come in any order; of equal ones the last counts.  Raises ArgumentError for an index outside the shape,
    which is never written to, and where there is not one value for each index.
    """
    flat_values = _flat_floats("values", values)
    flat_indices = _flat_indices(indices)
    if flat_indices.size != flat_values.size:
        raise ShapeError(f"values: are {flat_values.size}, for {flat_indices.size} indices; give one for each")
    out = _empty(shape, flat_values.dtype if dtype is None else _float_type("dtype", dtype))
    with np.errstate(over="ignore"):
        _arrays.decompress_sparse(flat_indices, flat_values.astype(out.dtype, copy=False), out.reshape(-1))
    return out


def compress_delta_int8(delta: npt.ArrayLike) -> tuple[npt.NDArray[np.int8], float, float]:
    """(quantized, scale, ratio): delta / scale as whole numbers of -127 to 127 in the array's shape, rounded to the
    nearest, a tie to the even one.

    scale: the largest absolute value / 127, 1.0 where that is below 1e-10.  ratio: bytes of the array as float16 over
    those of int8 with a scale of 4.  Raises TypeError for other types of numbers, ArgumentError for NaN and infinities.
    """
    flat = _flat_floats("delta", delta)
    quantized = np.empty(flat.size, np.int8)
    scale, ratio = _arrays.compress_int8(flat, quantized)
    return quantized.reshape(np.shape(delta)), scale, ratio


def decompress_delta_int8(
    quantized: npt.ArrayLike, scale: float, shape: int | Sequence[int], dtype: npt.DTypeLike | None = None
) -> npt.NDArray[Any]:
    """An array of `shape`: quantized * scale, float32 where `dtype` is None.

    Raises TypeError where `quantized` is not of int8, ArgumentError where it does not fill the shape and for a scale that
    is not finite.
    """
    array = np.asarray(quantized)
    if array.dtype != np.int8:
        raise TypeError(f"quantized: is of {array.dtype}; give int8")
    out = _empty(shape, np.dtype(np.float32) if dtype is None else _float_type("dtype", dtype))
    if array.size != out.size:
        raise ShapeError(f"shape: {out.shape} has {out.size} elements, but quantized {array.size}")
    scale = _number("scale", scale)
    if not abs(scale) <= float(np.finfo(_delta_numpy.working_type(out.dtype)).max):
        raise ArgumentError(f"scale: {scale} is not a finite number of {out.dtype}")
    _arrays.decompress_int8(np.ascontiguousarray(array).reshape(-1), scale, out.reshape(-1))
    return out


def make(
    base: Path,
    tuned: Path,
    out: Path,
    *,
    mode: Mode = "lossless",
    threshold: float = 1e-4,
    rank: int | None = None,
    energy: float = 0,
    threads: int = 0,
    on_progress: Progress | None = None,
) -> DeltaReport:
    """Writes what turns the model `base` into `tuned`, files or folders, as the file `out`.

    `mode`: "lossless" restores every byte; "sparse" drops changes below `threshold`; "int8", "int4", "sign" and "lowrank"
    come near.  "lowrank" keeps a product of two thin matrices of `rank` columns, 16 by default, or, where `energy` is
    above 0, of as few as keep that share of a change's squared singular values, and at most `rank`, then 256.
    `threads`: 0 takes all.  `on_progress` is called with a share that grows to 1; what it raises, and Ctrl-C, end the
    work.  Raises NotFound, FormatError, InputOutputError, ArgumentError for options out of range.
    """
    _need_native()
    if rank is None:
        rank = 256 if energy else 16
    return _native.make_delta(
        os.fspath(base), os.fspath(tuned), os.fspath(out),
        mode=mode, threshold=threshold, rank=rank, energy=energy, threads=threads, on_progress=on_progress,
    )  # fmt: skip


def apply(base: Path, delta: Path | Sequence[Path], out: Path, *, threads: int = 0, on_progress: Progress | None = None) -> DeltaReport:
    """Writes the model that a delta, or several one after the other, leads to; `out` appears only where everything has
    the right hash.  Raises what `make` does; FormatError for a wrong base."""
    _need_native()
    return _native.apply_delta(os.fspath(base), _paths(delta), os.fspath(out), threads=threads, on_progress=on_progress)


def verify(base: Path, delta: Path | Sequence[Path], *, threads: int = 0, on_progress: Progress | None = None) -> DeltaReport:
    """Does all that `apply` does but for writing."""
    _need_native()
    return _native.verify_delta(os.fspath(base), _paths(delta), threads=threads, on_progress=on_progress)


def rebase(
    base: Path,
    delta: Path | Sequence[Path],
    out: Path,
    *,
    onto: Path | None = None,
    threads: int = 0,
    on_progress: Progress | None = None,
) -> DeltaReport:
    """Writes a lossless delta of the same fine-tune against the model `onto`; against `base` again where it is None, so
    that a chain of deltas becomes one.  The fine-tune is restored beside `out` meanwhile.  Raises what `apply` does."""
    _need_native()
    new_base = os.fspath(base if onto is None else onto)
    return _native.rebase_delta(os.fspath(base), _paths(delta), new_base, os.fspath(out), threads=threads, on_progress=on_progress)


def export(delta: Path, out: Path, *, base_name: str = "") -> DeltaAdapter:
    """Writes what a delta of mode "lowrank" holds as a LoRA adapter of PEFT: `out` becomes a folder with
    adapter_config.json, which calls the base `base_name`, and adapter_model.safetensors.

    `left_out` of the answer names changed tensors that no adapter can hold.  Raises ModelError where nothing in the delta
    is of low rank or it restores a GGUF, ArgumentError where `out` is there and not empty, NotFound, FormatError,
    InputOutputError.
    """
    _need_native()
    return _native.export_adapter(os.fspath(delta), os.fspath(out), base_name=base_name)


def info(delta: Path) -> DeltaInfo:
    """What a delta says of itself: mode, ratio, files and tensors.  Raises NotFound, FormatError, ModelError for a newer
    version."""
    _need_native()
    return _native.read_delta_info(os.fspath(delta))


def diff(base: Path, tuned: Path, *, threads: int = 0, on_progress: Progress | None = None) -> list[TensorChange]:
    """How many weights of each tensor changed, and by how much."""
    _need_native()
    return _native.diff_models(os.fspath(base), os.fspath(tuned), threads=threads, on_progress=on_progress)


class DeltaModel(Mapping[str, "npt.NDArray[Any]"]):
    """The tensors of a fine-tune, seen through its base and deltas without being written: each is decoded when it is
    asked for.  bfloat16 and smaller floats need the package ml_dtypes; blocks of GGUF's types come as bytes."""

    def __init__(self, base: Path, delta: Path | Sequence[Path]) -> None:
        _need_native()
        self._native = _native.DeltaModel(os.fspath(base), _paths(delta))
        self.tensors: dict[str, DeltaTensor] = {tensor.name: tensor for tensor in self._native.tensors}
        """What is known of each tensor: file, dtype, shape."""

    def __getitem__(self, name: str) -> npt.NDArray[Any]:
        tensor = self.tensors[name]
        dtype = _dtype_of(tensor.dtype)
        data = np.empty(tensor.n_bytes, np.uint8)
        self._native.read(name, data)
        return data if dtype is None else data.view(dtype).reshape(tensor.shape)

    def __iter__(self) -> Iterator[str]:
        return iter(self.tensors)

    def __len__(self) -> int:
        return len(self.tensors)

    def __contains__(self, name: object) -> bool:
        return name in self.tensors

    def __enter__(self) -> DeltaModel:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing: files stay mapped until the last reference goes."""


def open(base: Path, delta: Path | Sequence[Path]) -> DeltaModel:
    """The fine-tune as a mapping of names to arrays.  Raises what `apply` does."""
    return DeltaModel(base, delta)


class DeltaStore:
    """A folder of deltas in which what they have in common is kept once; any threads and processes may use it at once.

    >>> store = DeltaStore("deltas")
    >>> store.add("legal.tmdelta").n_new_bytes
    >>> [delta.name for delta in store.list()]

    Whatever ends a process, deltas are there as before or whole.  All methods but `add` raise NotFound where there is no
    store or no delta of that name; all raise FormatError for damage and InputOutputError.
    """

    def __init__(self, folder: Path) -> None:
        """Looks at nothing yet; the first `add` makes the folder."""
        _need_native()
        self._native = _native.DeltaStore(os.fspath(folder))

    def add(self, delta: Path, name: str = "") -> AddedDelta:
        """Takes a .tmdelta in, as `name` or by its file's name without the ending.  Raises ArgumentError where another
        delta has the name, FormatError for a file that is no delta."""
        return self._native.add(os.fspath(delta), name)

    def list(self) -> list[StoredDelta]:
        """All deltas, by name, each with the bytes that removing it would free."""
        return self._native.deltas()

    def get(self, name: str, out: Path) -> None:
        """Writes the .tmdelta, byte for byte as it was; `out` appears only when all has the right hash."""
        self._native.get(name, os.fspath(out))

    def remove(self, name: str) -> None:
        """Forgets a delta; its bytes stay until `gc`."""
        self._native.remove(name)

    def gc(self) -> CollectedGarbage:
        """Deletes what no delta refers to."""
        return self._native.gc()

    def verify(self) -> Sequence[DeltaStoreProblem]:
        """Reads everything; what is damaged, nothing when all is well."""
        return self._native.verify()


def _need_native() -> None:
    if not is_available():
        raise ModelError("tidemill._native: is not installed; deltas of files need the native part: install the wheel")


def _paths(delta: Path | Sequence[Path]) -> list[str]:
    if isinstance(delta, (str, os.PathLike)):
        return [os.fspath(delta)]
    return [os.fspath(one) for one in delta]


def _dtype_of(name: str) -> np.dtype[Any] | None:
    """The type of NumPy for one of tidemill's names; None for blocks."""
    plain = {"bool": np.bool_, "boolean": np.bool_, "c64": np.complex64}
    if name in plain:
        return np.dtype(plain[name])
    if name[:1] in "iuf" and name[1:] in ("8", "16", "32", "64"):
        return np.dtype(f"{name[0]}{int(name[1:]) // 8}")
    small = {"bf16": "bfloat16", "f8_e4m3": "float8_e4m3fn", "f8_e5m2": "float8_e5m2", "f8_e8m0": "float8_e8m0fnu",
             "f8_e4m3fnuz": "float8_e4m3fnuz", "f8_e5m2fnuz": "float8_e5m2fnuz"}  # fmt: skip
    if name not in small:
        return None
    try:
        import ml_dtypes
    except ImportError as missing:
        raise ModelError(f"{name}: NumPy has no such numbers; pip install ml_dtypes") from missing
    small_float: np.dtype[Any] = np.dtype(getattr(ml_dtypes, small[name]))
    return small_float


def _number(name: str, value: float) -> float:
    if isinstance(value, (str, bytes)) or not hasattr(value, "__float__"):
        raise TypeError(f"{name}: is of {type(value).__name__}; give a number")
    number = float(value)
    if number != number:
        raise ArgumentError(f"{name}: is NaN; give a number")
    return number


def _float_type(name: str, dtype: npt.DTypeLike) -> np.dtype[Any]:
    made = np.dtype(dtype).newbyteorder("=")
    if made.type not in _FLOATS:
        raise TypeError(f"{name}: {made} is none of float16, float32, float64")
    return made


def _flat_floats(name: str, values: npt.ArrayLike) -> npt.NDArray[Any]:
    """A flat array, copied only where its numbers do not lie one after the other as this machine has them."""
    array = np.asarray(values)
    return np.require(array, _float_type(name, array.dtype), ["C", "A"]).reshape(-1)


def _flat_indices(indices: npt.ArrayLike) -> npt.NDArray[Any]:
    array = np.asarray(indices)
    if array.dtype.kind not in "iu" and array.size:
        raise TypeError(f"indices: are of {array.dtype}; give integers")
    if array.dtype.kind == "i" and array.size and (least := int(array.min())) < 0:
        raise ArgumentError(f"indices: {least} is below 0; they count from the array's beginning")
    width = np.uint32 if array.dtype.itemsize <= 4 else np.uint64
    return np.require(array, np.dtype(width), ["C", "A"]).reshape(-1)


def _empty(shape: int | Sequence[int], dtype: np.dtype[Any]) -> npt.NDArray[Any]:
    try:
        return np.empty(shape, dtype)
    except (TypeError, ValueError) as wrong:
        kind = TypeError if isinstance(wrong, TypeError) else ShapeError
        raise kind(f"shape: {wrong}") from wrong


__all__ = [
    "DeltaModel",
    "DeltaStore",
    "apply",
    "compress_delta_int8",
    "compress_delta_sparse",
    "decompress_delta_int8",
    "decompress_delta_sparse",
    "diff",
    "export",
    "info",
    "is_available",
    "make",
    "open",
    "rebase",
    "verify",
]
