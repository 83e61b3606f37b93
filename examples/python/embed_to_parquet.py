"""Vectors for a column of a Parquet file, in batches, into another one.

pip install tidemill pyarrow
python examples/python/embed_to_parquet.py all-minilm-l6-v2 texts.parquet vectors.parquet --column text

The result has the columns of the input and `embedding`, a list of float32 of the model's length. Memory is that of a batch.
`tidemill embed --input texts/ --output vectors/` does the same for folders of files, and goes on where it was stopped.
"""

import argparse

import pyarrow as pa
import pyarrow.parquet as pq
import tidemill


def embed_file(embedder: tidemill.Embedder, source: str, target: str, column: str, batch_size: int) -> int:
    """How many texts were embedded."""
    file = pq.ParquetFile(source)
    field = pa.field("embedding", pa.list_(pa.float32(), embedder.dimensions))
    schema = file.schema_arrow.append(field)
    n_texts = 0
    with pq.ParquetWriter(target, schema) as writer:
        for batch in file.iter_batches(batch_size=batch_size):
            texts = [text or "" for text in batch.column(column).to_pylist()]
            vectors = embedder.embed(texts)
            values = pa.FixedSizeListArray.from_arrays(pa.array(vectors.reshape(-1)), embedder.dimensions)
            writer.write_table(pa.Table.from_arrays([*batch.columns, values], schema=schema))
            n_texts += len(texts)
    return n_texts


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("source")
    parser.add_argument("target")
    parser.add_argument("--column", default="text")
    parser.add_argument("--batch-size", type=int, default=1024)
    arguments = parser.parse_args()
    embedder = tidemill.Embedder.load(arguments.model)
    n_texts = embed_file(embedder, arguments.source, arguments.target, arguments.column, arguments.batch_size)
    print(f"{n_texts} texts, {embedder.dimensions} numbers each: {arguments.target}")


if __name__ == "__main__":
    main()
