"""Models as files: what one holds, in another format, smaller.

    >>> info("gemma3-270m").architecture
    'gemma3'
    >>> convert("folder/", "model.gguf")
    >>> quantize("folder/", "small.gguf", method="best", bits=4.5, calibration="book.txt").bits_per_weight

Files appear, or are replaced, only once they are whole.  `on_progress` is called with a share that grows to 1; what it
raises, and Ctrl-C, end the work.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Literal, TypeAlias

from tidemill import _native
from tidemill._native import ConvertReport, MemoryNeed, ModelInfo, QuantizedTensor, QuantizeLoss, QuantizeReport, TensorInfo

Path: TypeAlias = str | os.PathLike[str]
Progress: TypeAlias = Callable[[float], object]


def info(model: Path, *, context_length: int = 0, batch: int = 1) -> ModelInfo:
    """What a model holds, told without loading it, and the memory to run `batch` texts of `context_length` positions,
    0: as many as the model has.  Raises NotFound, FormatError."""
    return _native.inspect_model(os.fspath(model), context_length, batch)


def convert(
    model: Path,
    out: Path,
    *,
    dtype: Literal["f32", "f16", "bf16"] | None = None,
    threads: int = 0,
    on_progress: Progress | None = None,
) -> ConvertReport:
    """Writes a model as `out`, whose name says the format: NAME.tmill, NAME.gguf, NAME.onnx, NAME.safetensors, or NAME/, a
    folder in Hugging Face's layout that does not exist yet or is empty.

    `dtype` is that of matrices, which stay as they are without it.  Raises what loading the model raises, ArgumentError
    for a name or an option that makes no sense, ModelError where the format has no words for the model.
    """
    return _native.convert_model(os.fspath(model), os.fspath(out), dtype=dtype, threads=threads, on_progress=on_progress)


def quantize(
    model: Path,
    out: Path,
    *,
    method: Literal["rtn", "awq", "gptq", "best"] = "rtn",
    bits: float = 4,
    group_size: int = 0,
    layout: Literal["awq", "gptq", "gptq_v2", "compressed-tensors"] | None = None,
    calibration: Path = "",
    eval: Path = "",
    work_folder: Path = "",
    threads: int = 0,
    on_progress: Progress | None = None,
) -> QuantizeReport:
    """Writes a smaller model as `out`: NAME.gguf, NAME.tmill, or NAME/, a folder, whose groups lie as `layout` says,
    "compressed-tensors" where it is not given.

    `bits` of a weight: 2 to 6 or 8; of the method "best" those of the whole model, any number.  `group_size`: weights that
    share a scale, 0 the best of the format.  `calibration`, a text like those that the model will read, is needed by all
    methods but "rtn"; `eval` is a text to compare both models on.  `work_folder` keeps what is finished, so that the same
    call goes on from there.  Raises what loading the model raises, ArgumentError for options that make no sense and for a
    calibration text that is too short, ModelError where the format has no words for the model.
    """
    return _native.quantize_model(
        os.fspath(model), os.fspath(out), method=method, bits=bits, group_size=group_size, layout=layout,
        calibration=os.fspath(calibration), eval=os.fspath(eval), work_folder=os.fspath(work_folder), threads=threads,
        on_progress=on_progress,
    )  # fmt: skip


__all__ = [
    "ConvertReport",
    "MemoryNeed",
    "ModelInfo",
    "QuantizeLoss",
    "QuantizeReport",
    "QuantizedTensor",
    "TensorInfo",
    "convert",
    "info",
    "quantize",
]
