"""Writes the seeds of the fuzz targets for SentencePiece models, character maps and RWKV vocabularies.

Run: python tests/fuzz/make_sentencepiece_corpus.py
"""

import pathlib
import struct
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/text"))
from sentencepiece_files import (  # noqa: E402
    BPE, CHAR, CONTROL, NORMAL, UNIGRAM, UNKNOWN, UNUSED, USER_DEFINED, WORD, byte_pieces, model_file
)

CORPUS = ROOT / "tests/fuzz/corpus"
SPECIAL = [("<unk>", 0.0, UNKNOWN), ("<s>", 0.0, CONTROL), ("</s>", 0.0, CONTROL)]
PIECES = [("\u2581", -3.0, NORMAL), ("a", -2.0, NORMAL), ("b", -2.0, NORMAL), ("ab", -3.0, NORMAL), ("\u2581a", -3.0, NORMAL),
          ("é", -4.0, NORMAL), ("ba", 0.0, USER_DEFINED), ("aab", -1.0, UNUSED)]


def everything_to_x():
    """A map in which every byte but 0 becomes X."""
    units = [0x80000000] * 512
    units[0] = 256 << 10
    for c in range(1, 256):
        units[256 ^ c] = 256 << 10 | 1 << 8 | c
    return struct.pack("<I", 4 * len(units)) + struct.pack(f"<{len(units)}I", *units) + b"X\0"


def models():
    for name, kind in {"unigram": UNIGRAM, "bpe": BPE, "word": WORD, "char": CHAR}.items():
        yield name, model_file(SPECIAL + PIECES, kind)
    yield "plain_bpe", model_file(SPECIAL + PIECES[:6], BPE)
    yield "suffix", model_file(SPECIAL + PIECES, UNIGRAM, suffix=True, unk_surface="?")
    yield "spaces", model_file(SPECIAL + PIECES, UNIGRAM, dummy_prefix=False, remove_extra=False, escape=False)
    yield "map", model_file(SPECIAL + PIECES, UNIGRAM, charsmap=everything_to_x(), denormalizer={"charsmap": everything_to_x()})
    yield "bytes", model_file(SPECIAL + PIECES + byte_pieces(), UNIGRAM, byte_fallback=True)


def write(folder, name, content):
    (CORPUS / folder).mkdir(parents=True, exist_ok=True)
    (CORPUS / folder / name).write_bytes(content)


def main():
    for name, model in models():
        write("sentencepiece_model", name, model + "\0 ab  aabé \u2581x".encode())
    write("charsmap", "everything", everything_to_x() + "ae\u0301\r\n\u0600b".encode())
    write("rwkv_trie", "tokens", b"257 'ab' 2\n258 '\\u00e9\\n' 3\n259 b'\\xc3a\"' 3\n\nabc\xc3\xa9\n")


if __name__ == "__main__":
    main()
