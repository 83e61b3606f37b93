"""Writes docs/server_config.md from the program's own table: python3 scripts/server_config_docs.py [build/release/tidemill]."""

import os
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs/server_config.md"
OPENING = """# server_config.toml

Made by `scripts/server_config_docs.py` from what `tidemill serve --print-config` prints; a test compares the two.

`tidemill serve --config server_config.toml` reads a file of these keys, all of which may be left out; `TIDEMILL_CONFIG`
names it as well. Each is also a flag and an environment variable: a flag wins over the environment, and the environment
over the file. A list in one place replaces a list in another; a variable holds one entry of a list. A key that does not
exist, a value of the wrong type or out of range is an error that names its line.
`--print-config` says what file, environment and flags come to (keys and other secrets left out); `--check` tries whether
it could be served.
"""


def page(program):
    env = {name: value for name, value in os.environ.items() if not name.startswith("TIDEMILL_")}
    done = subprocess.run([program, "serve", "--print-config"], capture_output=True, text=True, check=True, env=env)
    return f"{OPENING}\n```toml\n{done.stdout}```\n"


if __name__ == "__main__":
    PAGE.write_text(page(sys.argv[1] if len(sys.argv) > 1 else ROOT / "build/release/tidemill"), encoding="utf-8")
