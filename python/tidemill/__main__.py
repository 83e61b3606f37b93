"""The command line: `python -m tidemill` and the script `tidemill`, which become the program that the package carries."""

from __future__ import annotations

import os
import pathlib
import sys
from typing import NoReturn

PROGRAM = pathlib.Path(__file__).parent / "bin" / "tidemill"


def main() -> NoReturn:
    """Runs `tidemill` with this process' arguments, in place of it: signals and exit status are its own."""
    try:
        os.execv(PROGRAM, ["tidemill", *sys.argv[1:]])
    except OSError as error:
        sys.exit(f"error: {PROGRAM}: {error.strerror}; install the package again")


if __name__ == "__main__":
    main()
