"""grammar_tool: compiled grammars and what they allow, from Python."""

import json
import os
import pathlib
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[2]
TOOL = pathlib.Path(os.environ.get("TIDEMILL_BUILD", ROOT / "build/release")) / "grammar_tool"


def answers(tokenizer, lines):
    """The tool's answers to JSON lines."""
    assert TOOL.exists(), f"{TOOL} is not built; run ./dev build"
    done = subprocess.run(
        [TOOL, tokenizer], input="".join(json.dumps(line) + "\n" for line in lines), capture_output=True, text=True, timeout=600
    )
    assert done.returncode == 0, done.stderr
    found = [json.loads(line) for line in done.stdout.split("\n") if line]
    assert len(found) == len(lines)
    return found
