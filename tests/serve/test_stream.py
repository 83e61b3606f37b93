"""WebSocket /v1/stream: several texts over one connection, cancelled ones, and clients that break the rules."""

import base64
import json
import os
import socket
import struct
import time

import pytest
import websockets.exceptions
from websockets.sync.client import connect

from server import serving


def url_of(server):
    return f"ws://127.0.0.1:{server.port}/v1/stream"


@pytest.fixture
def stream(server):
    with connect(url_of(server)) as connection:
        yield connection


def ask(connection, **message):
    connection.send(json.dumps(message))


def messages(stream, n_ends):
    """All messages by id until so many texts are over."""
    found = {}
    while n_ends > 0:
        message = json.loads(stream.recv(timeout=60))
        found.setdefault(message["id"], []).append(message)
        n_ends -= message["type"] != "chunk"
    return found


def text_of(told):
    return "".join(message["data"]["choices"][0]["text"] for message in told if message["type"] == "chunk")


def test_several_texts_are_those_of_http(server, stream):
    prompts = {name: f"{name} tide mill" for name in "abcdef"}
    for name, prompt in prompts.items():
        ask(stream, id=name, prompt=prompt, max_tokens=12, temperature=0)
    found = messages(stream, len(prompts))
    for name, prompt in prompts.items():
        whole = server.complete(prompt=prompt, max_tokens=12, temperature=0)["choices"][0]
        assert text_of(found[name]) == whole["text"] and found[name][-1] == {"id": name, "type": "done"}


def test_chats_and_whole_answers(server, stream):
    chat = [{"role": "user", "content": "what is a mill?"}]
    ask(stream, id="chat", messages=chat, max_tokens=8, temperature=0)
    ask(stream, id="whole", prompt="the mill", max_tokens=8, temperature=0, stream=False)
    found = messages(stream, 2)
    text = "".join(m["data"]["choices"][0]["delta"].get("content", "") for m in found["chat"][:-1])
    asked = server.ask("POST", "/v1/chat/completions", {"messages": chat, "max_tokens": 8, "temperature": 0})[2]
    assert text == asked["choices"][0]["message"]["content"]
    assert found["whole"][0]["type"] == "response" and found["whole"][0]["data"]["choices"][0]["text"]


def test_a_cancelled_text_ends_and_others_go_on(stream):
    ask(stream, id="long", prompt="x", max_tokens=20000, ignore_eos=True)
    assert json.loads(stream.recv())["id"] == "long"
    ask(stream, id="short", prompt="y", max_tokens=3, ignore_eos=True)
    ask(stream, id="long", cancel=True)
    ask(stream, id="never", cancel=True)  # nothing runs under that id
    found = messages(stream, 2)
    assert found["long"][-1] == {"id": "long", "type": "cancelled"} and found["short"][-1]["type"] == "done"
    ask(stream, id="long", prompt="y", max_tokens=1)  # the id is free again
    assert messages(stream, 1)["long"][-1]["type"] == "done"


@pytest.mark.parametrize(
    "message, status, param",
    [
        ("nonsense", 400, None), ("[]", 400, None), ("{}", 400, "id"), ('{"id": 5}', 400, "id"), ('{"id": ""}', 400, "id"),
        ('{"id": "%s"}' % ("x" * 65), 400, "id"), ('{"id": "a"}', 400, "prompt"), ('{"id": "a", "cancel": 1}', 400, "cancel"),
        ('{"id": "a", "prompt": 5}', 400, "prompt"), ('{"id": "a", "prompt": "x", "n": 100}', 400, "n"),
        ('{"id": "a", "prompt": "x", "model": "other"}', 404, "model"), ('{"id":"a","x":' + "[" * 100 + "]" * 100 + "}", 400, None),
    ],
)  # fmt: skip
def test_a_wrong_message_is_told_and_the_connection_lives(stream, message, status, param):
    stream.send(message)
    told = json.loads(stream.recv())
    assert told["type"] == "error" and told["status"] == status and told["error"]["param"] == param
    ask(stream, id="good", prompt="x", max_tokens=1)
    assert messages(stream, 1)["good"][-1]["type"] == "done"


def test_ids_and_texts_at_once_are_limited(stream):
    for number in range(16):
        ask(stream, id=str(number), prompt="x", max_tokens=20000, ignore_eos=True)
    ask(stream, id="0", prompt="x")
    ask(stream, id="17", prompt="x")
    errors = []
    while len(errors) < 2:
        message = json.loads(stream.recv())
        if message["type"] == "error":
            errors.append((message["id"], message["status"]))
    assert errors == [("0", 429), ("17", 429)]
    ask(stream, id="15", cancel=True)
    ask(stream, id="0", prompt="x")
    while (message := json.loads(stream.recv()))["type"] != "error":
        pass
    assert (message["id"], message["status"]) == ("0", 400)


def test_binary_and_large_messages_end_the_connection(server):
    with connect(url_of(server)) as stream, pytest.raises(websockets.exceptions.ConnectionClosed) as closed:
        stream.send(b"{}")
        stream.recv(timeout=20)
    assert closed.value.rcvd.code == 1003
    with connect(url_of(server)) as stream, pytest.raises(websockets.exceptions.ConnectionClosed) as closed:
        stream.send("x" * (1 << 20 | 1))  # the end may come while it is still being sent
        stream.recv(timeout=20)
    assert closed.value.rcvd is None or closed.value.rcvd.code == 1009


def test_a_client_that_leaves_ends_its_texts(tidemill, chat_model):
    with serving(tidemill, chat_model, "--max-running", "2", "--threads", "1") as server:
        for _ in range(20):
            with connect(url_of(server)) as stream:
                for number in range(4):
                    ask(stream, id=str(number), prompt="x", max_tokens=20000, ignore_eos=True)
                stream.recv()
        begin = time.monotonic()
        server.complete(prompt="x", max_tokens=1)
        assert time.monotonic() - begin < 5


def test_the_door_is_that_of_all_endpoints(tidemill, tiny_model, server):
    assert server.ask("GET", "/v1/stream")[0] == 426
    with pytest.raises(websockets.exceptions.InvalidStatus, match="403"):
        connect(url_of(server), origin="https://evil.example")
    with serving(tidemill, tiny_model, env={**os.environ, "TIDEMILL_API_KEY": "0123456789abcdef"}) as guarded:
        with pytest.raises(websockets.exceptions.InvalidStatus, match="401"):
            connect(url_of(guarded))
        with connect(url_of(guarded), additional_headers={"Authorization": "Bearer 0123456789abcdef"}) as stream:
            ask(stream, id="a", prompt="x", max_tokens=1)
            assert messages(stream, 1)["a"][-1]["type"] == "done"


def opened(server):
    """A bare socket behind the handshake."""
    connection = socket.create_connection(("127.0.0.1", server.port), timeout=20)
    key = base64.b64encode(os.urandom(16)).decode()
    lines = ["GET /v1/stream HTTP/1.1", "Host: localhost", "Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13"]
    connection.sendall("\r\n".join([*lines, f"Sec-WebSocket-Key: {key}", "", ""]).encode())
    assert connection.recv(4096).startswith(b"HTTP/1.1 101 ")
    return connection


@pytest.mark.parametrize(
    "frame",
    [
        b"\x81\x02{}", b"\xf1\x80\x00\x00\x00\x00", b"\x83\x80\x00\x00\x00\x00", b"\x89\xfe\x00\x7e" + b"\x00" * 130,
        b"\x09\x80\x00\x00\x00\x00", b"\x81\xff" + struct.pack(">Q", 2**63) + b"\x00" * 4, b"\x80\x80\x00\x00\x00\x00",
        b"\x81\xff" + struct.pack(">Q", 2**40) + b"\x00" * 4, b"\x81\x81\x00\x00\x00\x00\xff", b"\x88\x81\x00\x00\x00\x00\x00",
    ],
    ids=["unmasked", "reserved bits", "unknown opcode", "long ping", "ping in pieces", "length 2^63", "nothing to go on with",
         "length 2^40", "not UTF-8", "close of one byte"],
)  # fmt: skip
def test_frames_that_break_the_rules(server, frame):
    connection = opened(server)
    connection.sendall(frame)
    while connection.recv(4096):
        pass  # until the server closes
    assert server.ask("GET", "/health")[0] == 200


def test_a_ping_is_answered_and_half_a_frame_harms_nobody(server):
    connection = opened(server)
    connection.sendall(b"\x89\x82\x00\x00\x00\x00hi")
    assert connection.recv(4096) == b"\x8a\x02hi"
    connection.sendall(b"\x81\xfe\xff")
    assert server.ask("GET", "/health")[0] == 200
    connection.close()
