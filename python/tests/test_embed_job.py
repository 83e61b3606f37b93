"""embed_files: folders of texts to folders of vectors."""

import json

import numpy as np
import pytest
import tidemill
from test_embedder import write_folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models") / "bert"
    write_folder(folder)
    return folder


@pytest.fixture(scope="module")
def embedder(folder):
    return tidemill.Embedder.load(folder, threads=1)


@pytest.fixture
def texts(tmp_path):
    (tmp_path / "in/below").mkdir(parents=True)
    (tmp_path / "in/lines.txt").write_text("w5 w6\nw7\n\n")
    rows = [{"id": 1, "body": "w8"}, {"id": 2, "body": None}, {"id": 3, "body": "w9 w10"}]
    (tmp_path / "in/below/rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return tmp_path / "in"


def test_files_become_files(embedder, texts, tmp_path):
    seen = []
    report = tidemill.embed_files(embedder, texts, tmp_path / "out", column="body", output_column="v", on_progress=seen.append)
    assert (report.n_files, report.n_skipped, report.n_texts) == (2, 0, 5)
    assert sum(device.n_answered for device in report.devices) >= 1
    np.testing.assert_array_equal(np.load(tmp_path / "out/lines.npy"), embedder.embed(["w5 w6", "w7", ""]))
    rows = [json.loads(line) for line in (tmp_path / "out/below/rows.jsonl").read_text().splitlines()]
    assert [row["id"] for row in rows] == [1, 2, 3] and rows[1]["v"] is None
    np.testing.assert_array_equal(np.array(rows[2]["v"], np.float32), embedder.embed("w9 w10"))
    assert seen and seen[-1].share <= 1 and seen[0].n_texts == 0
    again = tidemill.embed_files(embedder, texts, tmp_path / "out", column="body", output_column="v")
    assert (again.n_files, again.n_skipped) == (0, 2)


def test_groups_share_the_work(folder, embedder, texts, tmp_path):
    n = min(2, tidemill.check_simd_support()["n_cores"])
    group = tidemill.Embedder.load_group(folder, n, threads=2)
    assert len(group) == n and len(tidemill.Embedder.load_group(folder, threads=1)) >= 1
    report = tidemill.embed_files(group, texts / "lines.txt", tmp_path / "out")
    assert len(report.devices) == n and report.n_files == 1
    np.testing.assert_array_equal(np.load(tmp_path / "out/lines.npy"), embedder.embed(["w5 w6", "w7", ""]))


def test_what_a_function_raises_ends_the_work(embedder, texts, tmp_path):
    def stop(progress):
        raise OSError("enough")

    with pytest.raises(OSError, match="enough"):
        tidemill.embed_files(embedder, texts, tmp_path / "out", column="body", on_progress=stop)
    assert tidemill.embed_files(embedder, texts, tmp_path / "out", column="body").n_files == 2


def test_what_is_refused(embedder, texts, tmp_path):
    out = tmp_path / "out"
    for call, kind in (
        (lambda: tidemill.embed_files(embedder, tmp_path / "none", out), tidemill.NotFound),
        (lambda: tidemill.embed_files(embedder, texts, out), tidemill.FormatError),  # no column "text"
        (lambda: tidemill.embed_files([], texts, out), tidemill.ArgumentError),
        (lambda: tidemill.embed_files("model", texts, out), TypeError),
        (lambda: tidemill.embed_files([5], texts, out), TypeError),
        (lambda: tidemill.embed_files(embedder, 5, out), TypeError),
        (lambda: tidemill.embed_files(embedder, texts, out, long_texts="fold"), tidemill.ArgumentError),
        (lambda: tidemill.embed_files(embedder, texts, out, on_progress=5), TypeError),
        (lambda: tidemill.Embedder.load_group("model", 10**6), tidemill.ArgumentError),
    ):
        with pytest.raises(kind):
            call()
