"""Normalizers and pre-tokenizers of published tokenizer.json files, one after the other, on the texts of the extra data."""

import json
import lzma
import os
import pathlib

import pytest
from text_stages import byte_starts, ours

tokenizers = pytest.importorskip("tokenizers")
EXTRA = pathlib.Path(os.environ.get("TIDEMILL_EXTRA_DATA", "/nowhere")) / "tokenizers"
FILES = sorted([*EXTRA.glob("files/*.json"), *EXTRA.glob("more/*.json.xz")])
pytestmark = pytest.mark.skipif(not FILES, reason="TIDEMILL_EXTRA_DATA names no folder with tokenizers/files/*.json")


def read(path):
    data = lzma.decompress(path.read_bytes()) if path.suffix == ".xz" else path.read_bytes()
    return json.loads(data)


def texts():
    lines = (EXTRA / "cases.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line)["text"] for line in lines]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_stages(path):
    stages = {name: value for name in ("normalizer", "pre_tokenizer") if (value := read(path).get(name))}
    if not stages:
        pytest.skip("has neither")
    # A model that knows every word, so that tokens are the pieces.
    reference = json.dumps({
        "version": "1.0", "truncation": None, "padding": None, "added_tokens": [], "post_processor": None, "decoder": None,
        "normalizer": None, "pre_tokenizer": None, **stages,
        "model": {"type": "WordLevel", "vocab": {"<unk>": 0}, "unk_token": "<unk>"},
    })
    tokenizer = tokenizers.Tokenizer.from_str(reference)
    cases = [text for text in texts() if len(text) < 20000]
    for text, answer in zip(cases, ours([{**stages, "text": text} for text in cases]), strict=True):
        starts = byte_starts(text)
        expected = [[starts[begin], starts[end]] for begin, end in tokenizer.encode(text).offsets]
        assert [piece[1:] for piece in answer["pieces"]] == expected, ascii(text)
        if "pre_tokenizer" in stages and "normalizer" not in stages:
            pieces = [piece for piece, _ in tokenizer.pre_tokenizer.pre_tokenize_str(text)]
            assert [piece for piece, _, _ in answer["pieces"]] == [piece for piece in pieces if piece], ascii(text)
