"""`tidemill embed --input --output`: folders of texts to folders of vectors, killed at any moment and started again."""

import fcntl
import json
import os
import pathlib
import random
import shutil
import signal
import subprocess
import time

import numpy as np
import pytest
from sentence_folders import TEXTS, make_folder

MANIFEST = "_tidemill_embed.jsonl"


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return make_folder(tmp_path_factory.mktemp("model") / "model")


def vectors_of(tidemill, model, texts, *arguments):
    lines = "".join(json.dumps({"text": text}) + "\n" for text in texts)
    done = tidemill.run("embed", model, "--stdin-jsonl", *arguments, stdin=lines)
    assert done.returncode == 0, done.stderr
    return np.array([json.loads(line)["embedding"] for line in done.stdout.splitlines()], dtype=np.float32)


def job(tidemill, model, source, target, *arguments):
    return tidemill.json("embed", model, "--input", source, "--output", target, *arguments)


def refused(tidemill, model, source, target, *arguments):
    done = tidemill.run("embed", model, "--input", source, "--output", target, *arguments)
    assert done.stderr.count("\n") == 1 and done.stderr.startswith("error: "), done.stderr
    return done.returncode, done.stderr


def write_jsonl(path, rows):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")


def files_of(folder):
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file() and p.name != MANIFEST}


def test_json_lines_come_back_with_their_vectors(tidemill, model, tmp_path):
    source = tmp_path / "in/a.jsonl"
    source.parent.mkdir()
    lines = ['{"id": 7, "text": "the tide", "more": {"}": [1.50, "\\u00fc"]}}', '{ "text" : null }', "", '  {"text":""}\t', '{"text": "mill"}']
    source.write_text("\r\n".join(lines))
    report = job(tidemill, model, tmp_path / "in", tmp_path / "out")
    assert (report["files"], report["skipped"], report["texts"]) == (1, 0, 3) and report["devices"][0]["failed"] == 0
    found = (tmp_path / "out/a.jsonl").read_text().splitlines()
    assert found[0].startswith(lines[0][:-1] + ',"embedding":[') and found[1] == '{ "text" : null ,"embedding":null}'
    rows = [json.loads(line) for line in found]
    assert [row["text"] for row in rows] == ["the tide", None, "", "mill"]
    got = np.array([row["embedding"] for row in rows if row["embedding"]], dtype=np.float32)
    np.testing.assert_array_equal(got, vectors_of(tidemill, model, ["the tide", "", "mill"]))


def test_text_files_become_arrays(tidemill, model, tmp_path):
    texts = [text.replace("\n", " ").replace("\r", " ") for text in TEXTS]
    (tmp_path / "a.txt").write_text("\n".join(texts))
    (tmp_path / "none.txt").write_text("")
    job(tidemill, model, tmp_path / "a.txt", tmp_path / "out", "--dimensions", 16)
    found = np.load(tmp_path / "out/a.npy")
    assert found.dtype == np.float32 and found.flags.c_contiguous
    np.testing.assert_array_equal(found, vectors_of(tidemill, model, texts, "--dimensions", 16))
    job(tidemill, model, tmp_path / "none.txt", tmp_path / "out", "--dimensions", 16)
    assert np.load(tmp_path / "out/none.npy").shape == (0, 16)


def test_names_columns_folders_and_many_blocks(tidemill, model, tmp_path):
    rows = [{"body": "mill " * (i % 7), "v": i} for i in range(700)]
    write_jsonl(tmp_path / "in/x/y/a.ndjson", rows)
    write_jsonl(tmp_path / "in/.hidden/b.jsonl", [{}])
    (tmp_path / "in/notes.md").write_text("x")
    arguments = ["--column", "body", "--output-column", 'a "vector"', "--workers", 2]
    report = job(tidemill, model, tmp_path / "in", tmp_path / "out", *arguments)
    assert report["files"] == 1 and report["texts"] == 700 and len(report["devices"]) == 2
    assert sum(device["blocks"] for device in report["devices"]) == 6
    found = [json.loads(line) for line in (tmp_path / "out/x/y/a.ndjson").read_text().splitlines()]
    assert [{"body": row["body"], "v": row["v"]} for row in found] == rows
    got = np.array([row['a "vector"'] for row in found], dtype=np.float32)
    np.testing.assert_array_equal(got, vectors_of(tidemill, model, [row["body"] for row in rows]))


def test_a_second_start_does_what_is_new_or_changed_only(tidemill, model, tmp_path):
    source, target = tmp_path / "in", tmp_path / "out"
    for name in "abc":
        write_jsonl(source / f"{name}.jsonl", [{"text": name}])
    assert job(tidemill, model, source, target)["files"] == 3
    before = {p: p.stat().st_ino for p in target.iterdir()}
    report = job(tidemill, model, source, target)
    assert (report["files"], report["skipped"], report["texts"]) == (0, 3, 0)
    write_jsonl(source / "b.jsonl", [{"text": "b"}, {"text": "mill"}])
    (target / "c.jsonl").unlink()
    write_jsonl(source / "d.jsonl", [{"text": "d"}])
    report = job(tidemill, model, source, target)
    assert (report["files"], report["skipped"], report["texts"]) == (3, 1, 4)
    assert (target / "a.jsonl").stat().st_ino == before[target / "a.jsonl"]
    assert len((target / "b.jsonl").read_text().splitlines()) == 2


def command(tidemill, model, source, target):
    return [tidemill.program, "embed", str(model), "--input", str(source), "--output", str(target), "--threads", "1"]


def test_killed_at_any_moment_it_goes_on(tidemill, model, tmp_path):
    source, target, whole = tmp_path / "in", tmp_path / "out", tmp_path / "whole"
    rng = random.Random(5)
    for index in range(12):
        write_jsonl(source / f"{index}/a.jsonl", [{"text": "mill " * rng.randrange(20), "id": i} for i in range(300)])
        (source / f"{index}/b.txt").write_text("\n".join("the tide " * rng.randrange(9) for _ in range(200)))
    job(tidemill, model, source, whole)
    expected = files_of(whole)
    n_kills, n_resumed = 0, 0
    for attempt in range(200):
        n_before = len(expected.keys() & files_of(target).keys())
        process = subprocess.Popen(command(tidemill, model, source, target), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        try:
            process.wait(timeout=0.02 + 0.01 * attempt * rng.random())
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            n_kills += 1
        out, err = process.communicate()
        if process.returncode == 0:
            n_resumed = int(out.split(";")[1].split()[0])
            break
        assert process.returncode == -signal.SIGKILL, err
        # What has its name is whole at any time.
        found = {name: content for name, content in files_of(target).items() if name in expected}
        assert all(content == expected[name] for name, content in found.items()) and len(found) >= n_before
    assert n_kills >= 5 and n_resumed >= 1
    assert files_of(target) == expected  # and no temporary files


def test_an_interrupt_ends_it_with_130(tidemill, model, tmp_path):
    (tmp_path / "a.txt").write_text("the tide mill\n" * 400000)
    process = subprocess.Popen(command(tidemill, model, tmp_path / "a.txt", tmp_path / "out"), stderr=subprocess.PIPE, text=True)
    while not list(tmp_path.glob("out/.tidemill-*")):
        time.sleep(0.01)
    time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130 and "start it again" in err
    assert [p.name for p in (tmp_path / "out").iterdir()] == [MANIFEST]


def test_models_and_options_are_not_mixed(tidemill, model, tmp_path):
    write_jsonl(tmp_path / "in/a.jsonl", [{"text": "a"}])
    job(tidemill, model, tmp_path / "in", tmp_path / "out")
    other = make_folder(tmp_path / "other", pooling=("cls_token",))
    status, words = refused(tidemill, other, tmp_path / "in", tmp_path / "out")
    assert status == 2 and "another model" in words
    status, words = refused(tidemill, model, tmp_path / "in", tmp_path / "out", "--dimensions", 8)
    assert status == 2 and 'made with dimensions "0"' in words
    copy = make_folder(tmp_path / "copy")  # the same model in another place is the same model
    assert job(tidemill, copy, tmp_path / "in", tmp_path / "out")["skipped"] == 1


def test_one_job_a_folder(tidemill, model, tmp_path):
    write_jsonl(tmp_path / "in/a.jsonl", [{"text": "a"}])
    job(tidemill, model, tmp_path / "in", tmp_path / "out")
    with open(tmp_path / "out" / MANIFEST, "rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        status, words = refused(tidemill, model, tmp_path / "in", tmp_path / "out")
    assert status == 1 and "another process" in words


@pytest.mark.parametrize("cut", [1, 30, 100000])
def test_a_manifest_that_was_being_written(tidemill, model, tmp_path, cut):
    for name in "ab":
        write_jsonl(tmp_path / f"in/{name}.jsonl", [{"text": name}])
    job(tidemill, model, tmp_path / "in", tmp_path / "out")
    manifest = tmp_path / "out" / MANIFEST
    content = manifest.read_bytes()
    manifest.write_bytes(content[: max(5, len(content) - cut)])
    n_done = 1 if cut < 1000 else 0
    assert job(tidemill, model, tmp_path / "in", tmp_path / "out")["skipped"] == n_done
    assert job(tidemill, model, tmp_path / "in", tmp_path / "out")["skipped"] == 2
    assert [json.loads(line).get("input") for line in manifest.read_text().splitlines()].count(None) == 1


@pytest.mark.parametrize("content", [b"hello\n", b'{"format":"other"}\n', b"[1]\n", b'{"format":"tidemill-embed","version":2}\n'])
def test_a_file_that_is_no_manifest(tidemill, model, tmp_path, content):
    write_jsonl(tmp_path / "in/a.jsonl", [{"text": "a"}])
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / MANIFEST).write_bytes(content)
    status, words = refused(tidemill, model, tmp_path / "in", tmp_path / "out")
    assert status == 3 and MANIFEST in words and (tmp_path / "out" / MANIFEST).read_bytes() == content


@pytest.mark.parametrize(
    "content, words",
    [
        (b'{"text": "a"}\n{"text": 5}\n', "line 2: field 'text'"), (b"[]\n", "line 1"), (b'{"txt": "a"}\n', "no field 'text'"),
        (b'{"text": "a"', "line 1"), (b'{"text": "\xff"}\n', "line 1"), (b'{"text": "a", "embedding": 1}\n', "--output-column"),
        (b"[" * 100000, "line 1"), (b"\x00\n", "line 1"), (b" " * (65 << 20), "longer than 64 MiB"),
    ],
)  # fmt: skip
def test_bad_lines_are_named(tidemill, model, tmp_path, content, words):
    (tmp_path / "in").mkdir()
    (tmp_path / "in/a.jsonl").write_bytes(content)
    status, message = refused(tidemill, model, tmp_path / "in", tmp_path / "out")
    assert status == 3 and "a.jsonl" in message and words in message
    assert [p.name for p in (tmp_path / "out").iterdir()] == [MANIFEST]


def test_folders_that_make_no_sense(tidemill, model, tmp_path):
    write_jsonl(tmp_path / "in/a.jsonl", [{"text": "a"}])
    (tmp_path / "empty").mkdir()
    (tmp_path / "x.md").write_text("x")
    os.mkfifo(tmp_path / "pipe.txt")
    for source, target, status, words in [
        ("gone", "out", 3, "gone"), ("empty", "out", 3, "no files of texts"), ("x.md", "out", 3, ".jsonl"), ("in", "in", 2, "another folder"),
        ("in", "in/below", 2, "another folder"), ("in/a.jsonl", "in", 2, "replace the input"), ("in", "x.md", 1, "x.md"),
        ("in", "x.md/out", 1, "x.md"), ("pipe.txt", "out", 3, "regular"),
    ]:  # fmt: skip
        found = refused(tidemill, model, tmp_path / source, tmp_path / target)
        assert found[0] == status and words in found[1], (source, target, found)
    done = tidemill.run("embed", model, "--input", tmp_path / "in")
    assert done.returncode == 2 and "--output" in done.stderr
    write_jsonl(tmp_path / "two/a.b.jsonl", [{"text": "a"}])
    (tmp_path / "two/a.txt").write_text("x")
    assert job(tidemill, model, tmp_path / "two", tmp_path / "out")["files"] == 2


def test_memory_does_not_grow_with_the_files(tidemill, model, tmp_path):
    sizes = []
    for n in (2000, 40000):
        path = tmp_path / f"{n}.jsonl"
        write_jsonl(path, ({"text": "a", "more": "x" * 2000} for _ in range(n)))
        sizes.append(job(tidemill, model, path, tmp_path / f"out{n}")["peak_rss_bytes"])
        pathlib.Path(path).unlink()
    assert sizes[1] < sizes[0] + (30 << 20)


def test_every_call_that_fails_leaves_whole_files_and_a_job_that_can_go_on(tidemill, model, tmp_path):
    """A full disk at each write, flush and rename, one after the other."""
    library = tmp_path / "failing_calls.so"
    source = pathlib.Path(__file__).with_name("failing_calls.cpp")
    subprocess.run([shutil.which("g++") or "c++", "-shared", "-fPIC", "-std=c++20", source, "-o", library], check=True)
    write_jsonl(tmp_path / "in/a.jsonl", [{"text": "a"}, {"text": None}])
    (tmp_path / "in/b.txt").write_text("the tide\nmill")
    job(tidemill, model, tmp_path / "in", tmp_path / "whole")
    expected = files_of(tmp_path / "whole")
    count = tmp_path / "count"
    arguments = ["embed", model, "--input", tmp_path / "in", "--threads", 1, "--output"]
    done = tidemill.run(*arguments, tmp_path / "counted", env={"LD_PRELOAD": str(library), "FAIL_COUNT": str(count)})
    assert done.returncode == 0
    n_calls = int(count.read_text())
    assert n_calls >= 14  # of the manifest 6, of each file 4 and what its parts take
    for n in range(1, n_calls + 1):
        target = tmp_path / f"out{n}"
        done = tidemill.run(*arguments, target, env={"LD_PRELOAD": str(library), "FAIL_AT": str(n)})
        assert done.returncode == 1 and done.stderr.count("\n") == 1 and "No space left" in done.stderr, (n, done.stderr)
        assert files_of(target).items() <= expected.items(), n
        job(tidemill, model, tmp_path / "in", target)
        assert files_of(target) == expected, n
