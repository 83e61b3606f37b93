"""Folders of texts to folders of vectors, in pieces that survive the end of the process."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import TypeAlias

from tidemill import _native
from tidemill._listed import listed
from tidemill._native import DeviceStatistics, EmbedJobProgress, EmbedJobReport
from tidemill.embedder import Embedder

Path: TypeAlias = str | os.PathLike[str]


def embed_files(
    embedders: Embedder | Sequence[Embedder],
    input: Path,
    output: Path,
    *,
    column: str = "text",
    output_column: str = "embedding",
    prompt_name: str = "",
    dimensions: int = 0,
    long_texts: str = "cut",
    overlap: int = 0,
    on_progress: Callable[[EmbedJobProgress], object] | None = None,
) -> EmbedJobReport:
    """Embeds the texts of a file, or of all files of a folder and below it, into files of the same names and places
    in the folder `output`: JSON Lines and Parquet with one column more, of a .txt a .npy, float32 [lines, dimensions].

    `column` has the texts and `output_column` gets the vectors; the other options are those of `Embedder.embed`.  Several
    embedders of one model (`Embedder.load_group`) share the work.  A file appears when it is whole; a second call goes on
    where one was ended, by Ctrl-C, by what `on_progress` raises, or by the end of the machine.

    Raises NotFound, FormatError naming file and line, InputOutputError, and ArgumentError for a folder with vectors of
    another model or other options.
    """
    workers = [embedders] if isinstance(embedders, Embedder) else listed("embedders", embedders)
    for worker in workers:
        if not isinstance(worker, Embedder):
            raise TypeError(f"embedders: is of {type(worker).__name__}; give a tidemill.Embedder")
    return _native.run_embed_job(
        [worker._native for worker in workers], os.fspath(input), os.fspath(output), column=column,
        output_column=output_column, prompt_name=prompt_name, dimensions=dimensions, long_texts=long_texts,
        overlap=overlap, on_progress=on_progress,
    )  # fmt: skip


__all__ = ["DeviceStatistics", "EmbedJobProgress", "EmbedJobReport", "embed_files"]
