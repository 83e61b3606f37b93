"""Writes docs/cli.md from the program's own help: python3 scripts/cli_docs.py [build/release/tidemill]."""

import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs/cli.md"
OPENING = """# Command line

Made by `scripts/cli_docs.py` from the program's own help; a test compares the two.

Results go to standard output, progress and errors to standard error. `MODEL` is a `.gguf`, `.tmill` or `.onnx`
file, a folder with safetensors or a name in the model store (`$TIDEMILL_HOME/models`, by default in the user's cache folder).
Every option can also be set by an environment variable: `--top-k` by `TIDEMILL_TOP_K`, `--precision` by
`TIDEMILL_PRECISION`; the command line wins.
`TIDEMILL_ISA` (`scalar`, `sse4`, `avx2`, `avx3`, `avx3_dl`) forces an instruction set.
"""


def help_of(program, *arguments):
    return subprocess.run([program, *arguments, "--help"], capture_output=True, text=True, check=True).stdout


def commands(program):
    listed = help_of(program).split("Commands:\n")[1]
    return re.findall(r"^  (\w+) ", listed, re.MULTILINE)


def sections(program, *words):
    """Those of a command and of its subcommands, and of theirs."""
    text = help_of(program, *words)
    _, _, listed = text.partition("\nSubcommands:\n")
    below = [sections(program, *words, name) for name in re.findall(r"^  (\w+) ", listed, re.MULTILINE)]
    return [f"## {' '.join(words)}\n\n```text\n{text}```\n", *sum(below, [])]


def page(program):
    opening = [OPENING, f"## tidemill\n\n```text\n{help_of(program)}```\n"]
    return "\n".join(opening + [section for name in commands(program) for section in sections(program, name)])


if __name__ == "__main__":
    PAGE.write_text(page(sys.argv[1] if len(sys.argv) > 1 else ROOT / "build/release/tidemill"), encoding="utf-8")
