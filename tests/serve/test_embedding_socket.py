"""WebSocket /v1/embeddings/stream: vectors of texts that come piece by piece, and clients that break the rules."""

import contextlib
import json
import pathlib
import signal
import socket
import sys
import threading
import time

import numpy as np
import pytest
import websockets.exceptions
from websockets.sync.client import connect

from server import serving

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "embed"))

from sentence_folders import make_folder, unit  # noqa: E402

SENTENCES = ["The tide mill stood.", "Ein Mühlrad dreht sich!", "水车转。", "The end"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return make_folder(tmp_path_factory.mktemp("socket") / "model")


@pytest.fixture(scope="module")
def streaming(tidemill, folder, tiny_model):
    models = ["--model", f"tiny={folder}", "--model", f"gemma={tiny_model}"]
    with serving(tidemill, *models, "--threads", "1", "--max-queued", "4") as running:
        yield running


def open_stream(server, **options):
    return connect(f"ws://127.0.0.1:{server.port}/v1/embeddings/stream", max_size=None, **options)


def say(connection, **message):
    connection.send(json.dumps(message))


def hear(connection):
    return json.loads(connection.recv(timeout=60))


def hear_all(connection):
    """The vectors of a stream, and how it ended."""
    events = []
    while (message := hear(connection))["type"] == "embedding":
        events.append(message)
    return events, message


def vector_of(server, text, **options):
    status, _, answer = server.ask("POST", "/v1/embeddings", {"model": "tiny", "input": text} | options)
    assert status == 200
    return answer["data"][0]["embedding"]


def test_text_in_pieces_becomes_the_vectors_of_its_sentences(streaming):
    text = " ".join(SENTENCES)
    with open_stream(streaming) as connection:
        say(connection, text=text[:5], model="tiny", chunk_by="sentence", aggregate="mean")
        for at in range(5, len(text), 7):
            say(connection, text=text[at : at + 7])
        say(connection, end=True)
        events, last = hear_all(connection)
        assert [event["text"] for event in events] == SENTENCES
        vectors = [vector_of(streaming, sentence) for sentence in SENTENCES]
        for index, event in enumerate(events):
            begin, end = event["bytes"]
            assert text.encode()[begin:end].decode() == event["text"] and event["index"] == index
            assert event["embedding"] == vectors[index]
            np.testing.assert_allclose(event["aggregate"], unit(np.mean(vectors[: index + 1], axis=0)), atol=1e-6)
        assert last["type"] == "done" and last["statistics"]["chunks"] == 4
        # Another stream over the same connection, whose end comes with its beginning.
        say(connection, text="the mill", dimensions=8, end=True)
        events, last = hear_all(connection)
        assert events[0]["embedding"] == vector_of(streaming, "the mill", dimensions=8) and last["type"] == "done"


def test_flush_and_time_end_chunks(streaming):
    with open_stream(streaming) as connection:
        say(connection, text="the ti", flush=True)
        assert hear(connection)["text"] == "the ti"
        say(connection, cancel=True)
        assert hear(connection) == {"type": "cancelled"}
        say(connection, text="the mill sto", chunk_by="time", chunk_ms=20)
        assert [hear(connection)["text"] for _ in range(2)] == ["the mill", "sto"]


def test_streams_and_requests_at_once(streaming):
    with open_stream(streaming) as first, open_stream(streaming) as second:
        for connection in (first, second):
            say(connection, text="the tide mill " * 200, chunk_tokens=20)
            say(connection, text="the tide mill " * 200, end=True)
        assert len(vector_of(streaming, "the mill")) == 48
        found = [hear_all(connection)[0] for connection in (first, second)]
    assert [event["embedding"] for event in found[0]] == [event["embedding"] for event in found[1]]
    assert len(found[0]) == 67 and found[0][5]["embedding"] == vector_of(streaming, found[0][5]["text"])


@pytest.mark.parametrize(
    "message, param",
    [
        ({"text": 5}, "text"), ({}, "text"), ({"end": True}, "text"), ({"text": "x", "end": 1}, "end"),
        ({"text": "x", "model": "gemma"}, "model"), ({"text": "x", "chunk_by": "page"}, "chunk_by"),
        ({"text": "x", "chunk_tokens": 2}, "chunk_tokens"), ({"text": "x", "overlap": 100}, "overlap"),
        ({"text": "x", "chunk_ms": -1}, "chunk_ms"), ({"text": "x", "aggregate": "cut"}, "aggregate"),
        ({"text": "x", "dimensions": 49}, "dimensions"), ({"text": "x", "prompt_name": "none"}, "prompt_name"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named(streaming, message, param):
    with open_stream(streaming) as connection:
        say(connection, **message)
        error = hear(connection)
        assert error["type"] == "error" and error["status"] == 400 and error["error"]["param"] == param, error
        say(connection, text="the mill", end=True)  # the connection goes on
        assert hear_all(connection)[1]["type"] == "done"


def test_what_is_no_message(streaming):
    with open_stream(streaming) as connection:
        connection.send("{")
        assert hear(connection)["status"] == 400
        connection.send(b"bytes")
        with pytest.raises(websockets.exceptions.ConnectionClosed):
            hear(connection)
    assert streaming.ask("GET", "/v1/embeddings/stream")[0] == 426


def test_who_does_not_read_is_not_read_from_and_leaves_nothing(streaming):
    def waiting():
        text = streaming.ask("GET", "/metrics")[2].decode()
        return float(text.split('tidemill_embedding_tasks{model="tiny"} ')[1].split()[0])

    with open_stream(streaming, max_queue=1) as connection:
        n_sent = []

        def send():
            with contextlib.suppress(OSError, websockets.exceptions.ConnectionClosed):
                while True:
                    connection.send(json.dumps({"text": "the tide mill stood " * 5000, "model": "tiny"}))
                    n_sent.append(1)

        sender = threading.Thread(target=send, daemon=True)
        sender.start()
        before = -1
        while len(n_sent) > before:
            before = len(n_sent)
            time.sleep(1)
        assert before < 500 and waiting() == 1
        connection.socket.shutdown(socket.SHUT_RDWR)
        sender.join(20)
    until = time.monotonic() + 20
    while waiting() > 0 and time.monotonic() < until:
        time.sleep(0.05)
    assert waiting() == 0 and len(vector_of(streaming, "the mill")) == 48


def test_keys_limits_and_the_end_of_the_server(tidemill, folder):
    keys = ["--api-key", "ops:0123456789abcdef-embed embed", "--api-key", "texts:0123456789abcdef-texts infer"]
    with serving(tidemill, "--model", f"tiny={folder}", *keys, "--threads", "1", "--max-requests-per-minute", "2") as server:
        for headers, status in [({}, 401), ({"Authorization": "Bearer 0123456789abcdef-texts"}, 403)]:
            with pytest.raises(websockets.exceptions.InvalidStatus) as refused:
                open_stream(server, additional_headers=headers)
            assert refused.value.response.status_code == status
        with open_stream(server, additional_headers={"Authorization": "Bearer 0123456789abcdef-embed"}) as connection:
            say(connection, text="the tide", end=True)  # the handshake was the first request
            assert hear_all(connection)[1]["type"] == "done"
            say(connection, text="the tide", end=True)
            assert hear(connection)["status"] == 429
    with serving(tidemill, "--model", f"tiny={folder}", "--threads", "1") as server, open_stream(server) as connection:
        say(connection, text="the tide mi", flush=True)
        say(connection, text="the mill")
        assert hear(connection)["text"] == "the tide mi"
        time.sleep(0.2)
        server.process.send_signal(signal.SIGTERM)
        events, last = hear_all(connection)
        assert [event["text"] for event in events] == ["the mill"] and last["type"] == "done"
        assert server.process.wait(30) == 0
