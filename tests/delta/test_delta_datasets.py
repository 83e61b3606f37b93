"""`tidemill delta` of data sets: rows that are added, removed, changed or moved cost themselves, and all bytes come back."""

import io
import json
import random
import subprocess
import sys

import pytest
from model_pairs import ROOT

WORDS = "tide mill river sea wheel stone grain flour miller gate pond water north south moon spring neap".split()


def rows(n, seed=1):
    dice = random.Random(seed)
    return [
        json.dumps({"id": dice.randrange(10**9), "text": " ".join(dice.choices(WORDS, k=dice.randrange(8, 60)))}).encode() + b"\n"
        for _ in range(n)
    ]


@pytest.fixture
def restored(tidemill, tmp_path, monkeypatch):
    """Makes a delta of two contents and restores it, also by the decoder beside the specification; returns its bytes."""
    monkeypatch.syspath_prepend(ROOT / "docs/formats")
    import delta_decoder

    def check(base, tuned, name="rows.jsonl", reads_by_decoder=True):
        names = [tmp_path / "old" / name, tmp_path / "new" / name, tmp_path / "d.tmdelta", tmp_path / "out"]
        for path, content in zip(names, (base, tuned), strict=False):
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(content)
        made = tidemill.json("delta", "make", *names[:3])
        tidemill.json("delta", "apply", names[0], names[2], names[3])
        assert names[3].read_bytes() == tuned
        if reads_by_decoder:
            assert dict(delta_decoder.restored_files(names[0], names[2])) == {name: tuned}
        again = tmp_path / "again.tmdelta"
        tidemill.json("delta", "make", *names[:2], again, "--threads", "3")
        assert again.read_bytes() == names[2].read_bytes()
        return made["delta_bytes"]

    return check


FEW = 3000  # bytes of a delta that holds next to nothing


def test_rows_that_are_added_removed_and_changed_cost_themselves(restored):
    base = rows(40_000)
    content = b"".join(base)
    assert restored(content, b"".join(base[:20_000] + base[20_010:])) < FEW
    added = rows(200, seed=2)
    mixed = list(base)
    for i, row in enumerate(added):
        mixed.insert(i * 190 + 7, row)
    assert restored(content, b"".join(mixed)) < FEW + sum(map(len, added)) / 2
    changed = [row.replace(b"tide", b"ebb") if i % 100 == 0 else row for i, row in enumerate(base)]
    n_changed = sum(a != b for a, b in zip(base, changed, strict=True))
    assert 300 < n_changed and restored(content, b"".join(changed)) < FEW + 16 * n_changed


def test_rows_in_another_order(restored):
    base = rows(20_000)
    content = b"".join(base)
    # Runs that moved: some bytes for each.
    parts = [base[i : i + 500] for i in range(0, len(base), 500)]
    random.Random(3).shuffle(parts)
    assert restored(content, b"".join(sum(parts, []))) < FEW + 20 * len(parts)
    # Each row by itself: where it stood.
    mixed = list(base)
    random.Random(4).shuffle(mixed)
    assert restored(content, b"".join(mixed)) < 7 * len(base) < len(content) / 25


def test_rows_twice_line_ends_and_short_rows(restored):
    base = [b"%d,%d\r\n" % (i, i * 7919 % 1000) for i in range(200_000)]
    tuned = base[100_000:] + base[:100_000] + base[50_000:60_000]
    assert restored(b"".join(base), b"".join(tuned)) < FEW
    assert restored(b"".join(base), b"".join(tuned)[:-1]) < FEW


def test_a_file_without_lines(restored):
    base = random.Random(5).randbytes(3_000_000)
    tuned = base[2_000_000:] + base[:1_000_000] + random.Random(6).randbytes(1000) + base[1_000_000:2_000_000]
    assert restored(base, tuned, "data.bin") < FEW + 1000
    assert restored(base, random.Random(7).randbytes(2_000_000), "data.bin") < 2_000_000 * 1.001 + FEW


def parquet(content, **options):
    import pyarrow.parquet

    sink = io.BytesIO()
    pyarrow.parquet.write_table(content, sink, compression="zstd", **options)
    return sink.getvalue()


def test_pages_of_parquet(restored):
    pyarrow = pytest.importorskip("pyarrow")

    def table(lines):
        parsed = [json.loads(line) for line in lines]
        return pyarrow.table({key: [row[key] for row in parsed] for key in ("id", "text")})

    base = rows(60_000)
    options = {"row_group_size": 5000, "use_dictionary": False}
    old = parquet(table(base), **options)
    # Row groups that are the same stand elsewhere.
    moved = parquet(table(base[30_000:] + base[:30_000]), **options)
    assert restored(old, moved, "data.parquet") < len(moved) / 50
    # Rows put in: pages that are cut by content are the same again behind them.
    options = {"use_content_defined_chunking": True, "use_dictionary": False}
    old = parquet(table(base), **options)
    grown = parquet(table(base[:1000] + rows(20, seed=9) + base[1000:]), **options)
    assert restored(old, grown, "data.parquet") < len(grown) / 8


def test_chains_and_a_window_in_the_middle(tidemill, tmp_path):
    versions = [rows(30_000)]
    for seed in (2, 3):
        dice = random.Random(seed)
        at = dice.randrange(10_000)
        versions.append(versions[-1][at:] + rows(50, seed) + versions[-1][:at])
    for i, lines in enumerate(versions):
        (tmp_path / f"{i}.jsonl").write_bytes(b"".join(lines))
    for i in range(2):
        tidemill.json("delta", "make", tmp_path / f"{i}.jsonl", tmp_path / f"{i + 1}.jsonl", tmp_path / f"{i}.tmdelta")
    tidemill.json("delta", "apply", tmp_path / "0.jsonl", tmp_path / "0.tmdelta", tmp_path / "1.tmdelta", tmp_path / "out")
    assert (tmp_path / "out").read_bytes() == (tmp_path / "2.jsonl").read_bytes()


PEAK_KILOBYTES = """
import resource, subprocess, sys
subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""


def test_memory_does_not_grow_with_a_data_set(tidemill, tmp_path):
    lines = rows(40_000)
    block = b"".join(lines)
    with open(tmp_path / "old.jsonl", "wb") as old, open(tmp_path / "new.jsonl", "wb") as new:
        for i in range(40):
            old.write(block.replace(b'"id": ', b'"id": %d' % (1000 + i)))
        for i in reversed(range(40)):
            new.write(block.replace(b'"id": ', b'"id": %d' % (1000 + i)))
    assert (tmp_path / "old.jsonl").stat().st_size > 300 << 20
    for words in [("make", "old.jsonl", "new.jsonl", "d.tmdelta"), ("apply", "old.jsonl", "d.tmdelta", "out.jsonl")]:
        done = subprocess.run(
            [sys.executable, "-c", PEAK_KILOBYTES, tidemill.program.resolve(), "delta", *words, "--threads", "2"],
            cwd=tmp_path, capture_output=True, text=True, check=True,
        )  # fmt: skip
        assert int(done.stdout) < 200 << 10, words
