"""Writes the table of architectures of docs/models.md from `tidemill models --architectures`:  python scripts/models_docs.py"""

import json
import pathlib
import re
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs/models.md"
BLOCK = re.compile(r"(<!-- architectures:.*?-->\n).*?(<!-- end -->)", re.DOTALL)


def table(program):
    done = subprocess.run([program, "models", "--architectures", "--json"], capture_output=True, text=True, check=True)
    lines = ["| models | `config.json` | GGUF |", "|---|---|---|"]
    for row in json.loads(done.stdout)["architectures"]:
        names = [f"`{row[key]}`" if row[key] else "-" for key in ("transformers", "gguf")]
        lines.append(" | ".join(["| " + row["models"], *names]) + " |")
    return "\n".join(lines) + "\n"


def page(program):
    text = PAGE.read_text(encoding="utf-8")
    return BLOCK.sub(lambda match: match[1] + table(program) + match[2], text)


if __name__ == "__main__":
    PAGE.write_text(page(ROOT / "build/release/tidemill"), encoding="utf-8")
