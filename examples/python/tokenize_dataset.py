"""Token ids for a data set of 🤗 datasets, by its `map`.

pip install tidemill datasets
python examples/python/tokenize_dataset.py gemma3-270m wikitext --config wikitext-2-raw-v1 --out wikitext-ids

python examples/python/tokenize_dataset.py gemma3-270m text --data-files book.txt --out book-ids

`TokenizeColumn` is all that `map` needs; it works on any mapping of columns to lists, too.
"""

import argparse
from collections.abc import Mapping, Sequence
from typing import Any

import tidemill


class TokenizeColumn:
    """For `dataset.map(TokenizeColumn(tokenizer), batched=True)`: a batch of columns to `input_ids` and `n_tokens`.

    Threads are the tokenizer's own, so `map` needs no processes.
    """

    def __init__(self, tokenizer: tidemill.Tokenizer, column: str = "text", max_length: int | None = None) -> None:
        self.tokenizer, self.column, self.max_length = tokenizer, column, max_length

    def __call__(self, batch: Mapping[str, Sequence[Any]]) -> dict[str, list[Any]]:
        texts = [str(text) for text in batch[self.column]]
        ids = self.tokenizer.encode_batch(texts, num_threads=0, max_length=self.max_length)
        return {"input_ids": ids, "n_tokens": [len(row) for row in ids]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", help="whose tokenizer is wanted: a file, a folder, or a name in the model store")
    parser.add_argument("dataset", help="a name of the hub, or a kind of files: text, json, csv, parquet")
    parser.add_argument("--config")
    parser.add_argument("--data-files", nargs="+", help="files on this machine")
    parser.add_argument("--split", default="train")
    parser.add_argument("--column", default="text")
    parser.add_argument("--max-length", type=int)
    parser.add_argument("--out", required=True, help="a folder")
    arguments = parser.parse_args()

    import datasets

    tokenizer = tidemill.Tokenizer.from_model(arguments.model)
    dataset = datasets.load_dataset(arguments.dataset, arguments.config, data_files=arguments.data_files, split=arguments.split)
    dataset = dataset.map(TokenizeColumn(tokenizer, arguments.column, arguments.max_length), batched=True)
    dataset.save_to_disk(arguments.out)
    print(f"{len(dataset)} texts, {sum(dataset['n_tokens'])} tokens: {arguments.out}")


if __name__ == "__main__":
    main()
