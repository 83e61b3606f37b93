"""Writes the seeds of the fuzz target for Parquet files into tests/fuzz/corpus/parquet; needs pyarrow."""

import pathlib
import sys

import pyarrow as pa

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/embed"))

import parquet_files  # noqa: E402

CORPUS = ROOT / "tests/fuzz/corpus/parquet"
TEXTS = [None, "a", "", "mill", "mill", None, "tide mill", "\u00e9"]


def small_table():
    lists = pa.array([["x"], None, [], ["y", "z"]] * 2, pa.list_(pa.string()))
    return pa.table({"text": pa.array(TEXTS, pa.string()), "n": pa.array(range(8), pa.int32()), "l": lists})


if __name__ == "__main__":
    CORPUS.mkdir(parents=True, exist_ok=True)
    for name, options in parquet_files.KINDS.items():
        options = {"row_group_size": 5, "store_schema": False} | options
        parquet_files.write(CORPUS / name, small_table(), **options)
