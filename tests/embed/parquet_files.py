"""Parquet files as pyarrow writes them, of every kind that is read, and tables to fill them with."""

import datetime
import decimal

import pyarrow as pa
import pyarrow.parquet as pq

from sentence_folders import TEXTS

# Options of pyarrow.parquet.write_table, by name.
KINDS = {
    "defaults": {},
    "plain": {"use_dictionary": False},
    "uncompressed": {"compression": "none"},
    "gzip": {"compression": "gzip"},
    "zstd": {"compression": "zstd", "use_dictionary": False},
    "v2": {"data_page_version": "2.0"},
    "v2_plain_zstd": {"data_page_version": "2.0", "use_dictionary": False, "compression": "zstd"},
    "v2_uncompressed": {"data_page_version": "2.0", "compression": "none"},
    "version_1": {"version": "1.0"},
    "delta": {"use_dictionary": False, "column_encoding": {"text": "DELTA_BYTE_ARRAY"}},
    "delta_length": {"use_dictionary": False, "column_encoding": {"text": "DELTA_LENGTH_BYTE_ARRAY"}},
    "delta_v2": {"use_dictionary": False, "column_encoding": {"text": "DELTA_BYTE_ARRAY"}, "data_page_version": "2.0"},
    "delta_small_pages": {"use_dictionary": False, "column_encoding": {"text": "DELTA_LENGTH_BYTE_ARRAY"}, "data_page_size": 64, "write_batch_size": 3},
    "small_pages": {"data_page_size": 64, "write_batch_size": 3, "dictionary_pagesize_limit": 200},
    "small_groups": {"row_group_size": 7},
    "checksums": {"write_page_checksum": True},
    "v2_checksums": {"write_page_checksum": True, "data_page_version": "2.0"},
    "page_index": {"write_page_index": True},
    "no_statistics": {"write_statistics": False},
    "no_schema": {"store_schema": False},
}


def texts_of(n_rows, n_nulls_in_ten=2):
    return [None if i % 10 < n_nulls_in_ten else TEXTS[i % len(TEXTS)] + " mill" * (i % 5) for i in range(n_rows)]


def table_of(texts, required=False):
    """A table with a column of texts among others of many types."""
    n = len(texts)
    columns = {
        "id": pa.array(range(n), pa.int64()),
        "flag": pa.array([i % 3 == 0 for i in range(n)]),
        "when": pa.array([datetime.datetime(2026, 1, 1 + i % 28) for i in range(n)], pa.timestamp("us", tz="UTC")),
        "price": pa.array([decimal.Decimal(i) / 100 for i in range(n)], pa.decimal128(12, 2)),
        "tags": pa.array([["x"] * (i % 4) if i % 5 else None for i in range(n)], pa.list_(pa.string())),
        "text": pa.array(texts, pa.string()),
        "at": pa.array([{"title": text, "n": i} if i % 4 else None for i, text in enumerate(texts)], pa.struct([("title", pa.string()), ("n", pa.int8())])),
        "map": pa.array([[("k", float(i))] for i in range(n)], pa.map_(pa.string(), pa.float64())),
        "blob": pa.array([bytes([i % 256]) * 4 for i in range(n)], pa.binary(4)),
    }  # fmt: skip
    table = pa.table(columns)
    if required:
        index = table.schema.get_field_index("text")
        table = table.cast(table.schema.set(index, pa.field("text", pa.string(), nullable=False)))
    return table


def write(path, table, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, path, **options)
    return path
