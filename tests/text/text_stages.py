"""Normalizers and pre-tokenizers of the library, and the same ones of Hugging Face's tokenizers."""

import json
import os
import pathlib
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[2]
TOOL = pathlib.Path(os.environ.get("TIDEMILL_BUILD", ROOT / "build/release")) / "text_stages_tool"


def described(stage):
    """How tokenizer.json spells a normalizer or a pre-tokenizer."""
    return json.loads(stage.__getstate__())


def ours(lines):
    """The tool's answers to JSON lines."""
    assert TOOL.exists(), f"{TOOL} is not built; run ./dev build"
    done = subprocess.run(
        [TOOL], input="".join(json.dumps(line) + "\n" for line in lines), capture_output=True, text=True, timeout=600
    )
    assert done.returncode == 0, done.stderr
    answers = [json.loads(line) for line in done.stdout.split("\n") if line]
    assert len(answers) == len(lines)
    return answers


def byte_starts(text):
    """The byte where each character begins, and the size of the text."""
    starts = [0]
    for character in text:
        starts.append(starts[-1] + len(character.encode()))
    return starts
