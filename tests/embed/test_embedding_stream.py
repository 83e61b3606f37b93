"""`tidemill embed --stream`: text comes in at one end, chunks with the vectors of `tidemill embed` leave at the other."""

import json
import os
import signal
import subprocess
import time

import numpy as np
import pytest
from sentence_folders import D_MODEL, ids_of, make_folder, unit

TEXT = "The tide mill stood. Ein Mühlrad dreht sich! 水车转。 The mill, the tide; 🌊 the end"
SENTENCES = ["The tide mill stood.", "Ein Mühlrad dreht sich!", "水车转。", "The mill, the tide; 🌊 the end"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return make_folder(tmp_path_factory.mktemp("stream") / "model", prompts={"prompts": {"query": "a tide: "}})


def stream(tidemill, folder, text, *arguments):
    done = tidemill.run("embed", folder, "--stream", "--threads", "1", *arguments, stdin=text)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()], done.stderr


def vector_of(tidemill, folder, text, *arguments):
    return tidemill.json("embed", folder, "--text", text, "--threads", 1, *arguments)["embedding"]


def test_sentences(tidemill, folder):
    events, told = stream(tidemill, folder, TEXT, "--chunk-by", "sentence")
    assert [event["text"] for event in events] == SENTENCES
    n_tokens = 0
    for index, event in enumerate(events):
        begin, end = event["bytes"]
        assert TEXT.encode()[begin:end].decode() == event["text"] and event["index"] == index
        assert event["embedding"] == vector_of(tidemill, folder, event["text"])
        n = len(ids_of(folder, event["text"])) - 2
        assert event["tokens"] == [n_tokens, n_tokens + n]
        n_tokens += n
        assert event["latency_ms"] > 0 and "aggregate" not in event
    assert told.startswith("4 chunks, ") and "p95" in told


def test_chunks_of_tokens_with_overlap_and_their_mean(tidemill, folder):
    arguments = ["--chunk-tokens", "12", "--overlap", "4", "--aggregate", "mean", "--dimensions", "8", "--prompt-name", "query"]
    *events, last = stream(tidemill, folder, "the tide the mill " * 20, *arguments, "--json")[0]
    assert len(events) > 10 and last["statistics"]["chunks"] == len(events)
    vectors = []
    for before, event in zip([None, *events], events, strict=False):
        vectors.append(vector_of(tidemill, folder, event["text"], "--dimensions", "8", "--prompt-name", "query"))
        assert event["embedding"] == vectors[-1]
        np.testing.assert_allclose(event["aggregate"], unit(np.mean(vectors, axis=0)), atol=1e-6)
        assert before is None or before["tokens"][1] - 4 <= event["tokens"][0] < before["tokens"][1]
    statistics = last["statistics"]
    assert statistics["latency_p50_ms"] <= statistics["latency_p95_ms"] <= statistics["latency_max_ms"]


def test_nothing_and_what_is_not_utf8(tidemill, folder):
    assert stream(tidemill, folder, " \n ")[0] == []
    done = subprocess.run([tidemill.program, "embed", folder, "--stream"], input=b"a \xff\xe6\xb0 mill", capture_output=True)
    (event,) = [json.loads(line) for line in done.stdout.splitlines()]
    assert event["text"] == "a \ufffd\ufffd mill" and event["bytes"] == [0, 10] and len(event["embedding"]) == D_MODEL


def start(tidemill, folder, *arguments):
    command = [tidemill.program, "embed", folder, "--stream", "--threads", "1", *arguments]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def test_lines_come_as_text_does(tidemill, folder):
    process = start(tidemill, folder, "--chunk-by", "sentence")
    for sentence in ["The tide came.", "The mill stood."]:
        process.stdin.write(f"{sentence} X".encode())
        process.stdin.flush()
        assert json.loads(process.stdout.readline())["text"].endswith(sentence)
    process.stdin.close()
    assert json.loads(process.stdout.readline())["text"] == "X" and process.wait(30) == 0


def test_time_ends_chunks(tidemill, folder):
    process = start(tidemill, folder, "--chunk-by", "time", "--chunk-ms", "20")
    process.stdin.write(b"the tide mi")
    process.stdin.flush()
    assert [json.loads(process.stdout.readline())["text"] for _ in range(2)] == ["the tide", "mi"]
    process.send_signal(signal.SIGINT)
    assert process.wait(30) == 130


def test_who_is_not_read_does_not_read(tidemill, folder):
    process = start(tidemill, folder)
    os.set_blocking(process.stdin.fileno(), False)
    n_written, still_since = 0, time.monotonic()
    while time.monotonic() - still_since < 1:
        try:
            n_written += os.write(process.stdin.fileno(), b"the tide mill stood " * 200)
            still_since = time.monotonic()
        except BlockingIOError:
            time.sleep(0.02)
    assert n_written < 2_000_000
    process.kill()
    process.wait()


def test_what_is_wrong_is_named(tidemill, folder):
    for words, arguments in {
        "--chunk-by": ["--chunk-by", "page"], "--aggregate": ["--aggregate", "cut"], "chunk_tokens": ["--chunk-tokens", "2"],
        "overlap": ["--overlap", "100"], "prompt 'none'": ["--prompt-name", "none"],
    }.items():  # fmt: skip
        done = tidemill.run("embed", folder, "--stream", *arguments, stdin="x")
        assert done.returncode == 2 and words in done.stderr and done.stderr.count("\n") == 1, done.stderr
