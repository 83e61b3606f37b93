"""Tokenizers that no package carries, trained on the texts that are measured: wordpiece.json and unigram.model.

    make_tokenizers.py TIDEMILL TEXTS FOLDER

TIDEMILL is the program, which trains the WordPiece; SentencePiece trains the Unigram.
"""

import pathlib
import subprocess
import sys

import sentencepiece

VOCAB_SIZE = 30_000


def make_wordpiece(program, texts, path):
    special = [word for token in ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"] for word in ("--special", token)]
    command = [program, "tokenize", "train", "--kind", "wordpiece", "--vocab-size", VOCAB_SIZE, *special, "--out", path, *texts]
    subprocess.run([str(word) for word in command], check=True, stdout=subprocess.DEVNULL)


def make_unigram(texts, path):
    """With the rules of T5 and XLM-R: nmt_nfkc, spaces joined, one before the text."""
    sentencepiece.SentencePieceTrainer.train(
        input=[str(text) for text in texts], model_prefix=str(path.with_suffix("")), vocab_size=VOCAB_SIZE, model_type="unigram",
        character_coverage=0.9995, input_sentence_size=100_000, hard_vocab_limit=False, minloglevel=2,
    )  # fmt: skip


def main():
    program, folder = sys.argv[1], pathlib.Path(sys.argv[3])
    texts = sorted(path for path in pathlib.Path(sys.argv[2]).glob("*.txt") if "." not in path.stem)  # no parts of them
    make_wordpiece(program, texts, folder / "wordpiece.json")
    make_unigram(texts, folder / "unigram.model")


if __name__ == "__main__":
    main()
