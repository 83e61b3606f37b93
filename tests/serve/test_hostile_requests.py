"""Wrong, hostile and impatient clients of `tidemill serve`: each gets its status, and nobody else notices."""

import json
import signal
import socket
import time

import pytest

from server import serving


def error_of(server, path, body, status=400):
    found, _, answer = server.ask("POST", path, body)
    assert found == status, answer
    assert set(answer["error"]) == {"message", "type", "param", "code"}
    assert answer["error"]["message"].isprintable() and len(answer["error"]["message"]) <= 600
    return answer["error"]


@pytest.mark.parametrize(
    "field, value",
    [
        ("prompt", None), ("prompt", 5), ("prompt", {"a": 1}), ("prompt", [[1, "x"]]), ("prompt", [-1]),
        ("prompt", [10**12]), ("prompt", [1.5]), ("prompt", []), ("prompt", ["x"] * 65), ("max_tokens", -1), ("max_tokens", "5"),
        ("max_tokens", 1.5), ("max_tokens", 2**63), ("max_tokens", 10**30), ("temperature", "hot"), ("temperature", 2.1),
        ("temperature", -1), ("top_p", 1.1), ("n", 0), ("n", 9), ("n", True), ("stop", 5), ("stop", [5]),
        ("stop", ["x"] * 17), ("stop", "x" * 257), ("seed", "s"), ("stream", 1), ("stream_options", {"include_usage": True}),
        ("logit_bias", []), ("logit_bias", {"x": 1}), ("logit_bias", {"5": "x"}), ("logit_bias", {"5": 101}),
        ("presence_penalty", 3), ("frequency_penalty", -3), ("logprobs", 21), ("suffix", "end"), ("best_of", 5),
        ("top_k", -2), ("echo", "yes"), ("model", 5),
    ],
)  # fmt: skip
def test_a_wrong_field_is_named(server, field, value):
    error = error_of(server, "/v1/completions", {"prompt": "x", "max_tokens": 1, field: value})
    assert error["type"] == "invalid_request_error"
    if value != []:  # an empty prompt is the engine's to refuse
        assert error["param"].startswith(field) and field in error["message"]


@pytest.mark.parametrize(
    "field, value",
    [
        ("messages", None), ("messages", "hi"), ("messages", []), ("messages", ["hi"]), ("messages", [{"content": "x"}]),
        ("messages", [{"role": 5}]), ("top_logprobs", 3),
        ("response_format", 5), ("response_format", "json"),
    ],
)  # fmt: skip
def test_a_wrong_field_of_a_chat_is_named(server, field, value):
    messages = [{"role": "user", "content": "x"}]
    assert error_of(server, "/v1/chat/completions", {"messages": messages, field: value})["param"] == field


@pytest.mark.parametrize("body", ["", "{", "[]", "5", '"x"', "nul", '{"a":1}x', "\x00", '{"a":"\ud800"}', "[" * 100000])
def test_what_is_no_json_object_is_refused(server, body):
    error_of(server, "/v1/completions", body.encode("utf-8", "surrogatepass"))


def test_deep_json_is_refused(server):
    error = error_of(server, "/v1/completions", '{"x":' * 70 + "1" + "}" * 70)
    assert "64 deep" in error["message"]


def test_unknown_fields_and_nulls_are_ignored(server):
    server.complete(prompt="x", max_tokens=1, user="me", frobnicate={"a": 1}, stop=None, temperature=None, n=None)


def test_a_prompt_past_the_context_says_so(server):
    error = error_of(server, "/v1/completions", {"prompt": [5] * 100000, "max_tokens": 1})
    assert error["code"] == "context_length_exceeded" and "100000 tokens" in error["message"]


@pytest.mark.parametrize(
    "method, path, headers, status",
    [
        ("GET", "/v1/nothing", {}, 404), ("GET", "/", {}, 404), ("DELETE", "/v1/models", {}, 405), ("GET", "/tokenize", {}, 405),
        ("GET", "/v1/models", {"Host": "evil.example"}, 403), ("GET", "/v1/models", {"Origin": "https://evil.example"}, 403),
        ("POST", "/tokenize", {"Content-Type": "text/plain"}, 415), ("GET", "/v1/models/%00", {}, 404),
    ],
)  # fmt: skip
def test_wrong_requests(server, method, path, headers, status):
    assert server.ask(method, path, "{}" if method == "POST" else None, headers)[0] == status


def test_a_wrong_method_is_told_the_right_ones(server):
    assert server.ask("DELETE", "/v1/models")[1]["Allow"] == "GET, POST"
    assert server.ask("GET", "/v1/completions")[1]["Allow"] == "POST"


def test_a_page_of_the_server_itself_may_ask(server):
    assert server.ask("GET", "/v1/models", headers={"Origin": server.url})[0] == 200


def test_every_answer_has_a_number_of_its_own(server):
    ids = [server.ask("GET", path)[1]["x-request-id"] for path in ["/health", "/v1/models", "/nothing"]]
    assert len(set(ids)) == 3 and all(ids)


def raw(server, request, timeout=20):
    """What comes back for bytes until the server closes the connection."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=timeout) as connection:
        connection.sendall(request)
        answer = b""
        while piece := connection.recv(65536):
            answer += piece
    return answer


@pytest.mark.parametrize(
    "request_bytes, status",
    [
        (b"nonsense\r\n\r\n", 400),
        (b"GET /health HTTP/1.1\r\n\r\n", 400),
        (b"GET /health HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\n\r\n", 400),
        (b"GET /health HTTP/1.1\r\nHost: localhost\r\nX: " + b"x" * 70000 + b"\r\n\r\n", 431),
        (b"POST /tokenize HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9000000\r\n\r\n", 413),
        (b"POST /tokenize HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n", 400),
        (b"POST /tokenize HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n", 400),
        (b"POST /tokenize HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n-2\r\n", 400),
    ],
)
def test_broken_http(server, request_bytes, status):
    assert raw(server, request_bytes).startswith(f"HTTP/1.1 {status} ".encode())
    assert server.ask("GET", "/health")[0] == 200


def test_requests_follow_each_other_on_one_connection(server):
    one = b"GET /health HTTP/1.1\r\nHost: localhost\r\n"
    assert raw(server, (one + b"\r\n") * 5 + one + b"Connection: close\r\n\r\n").count(b"HTTP/1.1 200") == 6


def test_http_1_0_gets_a_stream_that_ends_with_the_connection(server):
    body = json.dumps({"prompt": "x", "max_tokens": 3, "temperature": 0, "stream": True}).encode()
    head = b"POST /v1/completions HTTP/1.0\r\nContent-Type: application/json\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n"
    answer = raw(server, head % len(body) + body)
    assert b"chunked" not in answer.lower() and answer.endswith(b"data: [DONE]\n\n")


def begin_stream(server, n_tokens):
    """A connection whose stream has begun."""
    body = json.dumps({"prompt": "x", "max_tokens": n_tokens, "ignore_eos": True, "stream": True}).encode()
    head = b"POST /v1/completions HTTP/1.1\r\nContent-Type: application/json\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n"
    connection = socket.create_connection(("127.0.0.1", server.port), timeout=60)
    connection.sendall(head % len(body) + body)
    assert connection.recv(4096).startswith(b"HTTP/1.1 200")
    return connection


def test_clients_that_go_away_free_their_places(tidemill, chat_model):
    with serving(tidemill, chat_model, "--max-running", "2", "--threads", "1") as server:
        for _ in range(200):
            begin_stream(server, 4000).close()
        begin = time.monotonic()
        server.complete(prompt="x", max_tokens=1)
        assert time.monotonic() - begin < 5, "four thousand tokens of somebody who left were in the way"


def test_a_full_queue_says_try_again(tidemill, chat_model):
    with serving(tidemill, chat_model, "--max-running", "1", "--max-queued", "1", "--threads", "1") as server:
        streams = [begin_stream(server, 4000)]
        time.sleep(0.2)  # it has left the queue
        streams.append(socket.create_connection(("127.0.0.1", server.port)))
        body = b'{"prompt":"x","max_tokens":4000,"ignore_eos":true}'
        streams[1].sendall(
            b"POST /v1/completions HTTP/1.1\r\nContent-Type: application/json\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n"
            % len(body) + body
        )  # fmt: skip
        time.sleep(0.2)
        status, headers, answer = server.ask("POST", "/v1/completions", {"prompt": "x"})
        assert status == 503 and headers["Retry-After"] and answer["error"]["code"] == "queue_full"
        assert server.ask("GET", "/health")[0] == 200
        for stream in streams:
            stream.close()


def test_sigterm_lets_streams_end(tidemill, chat_model):
    with serving(tidemill, chat_model, "--threads", "1") as server:
        stream = begin_stream(server, 3000)
        server.process.send_signal(signal.SIGTERM)
        until = time.monotonic() + 5
        while server.ask("GET", "/ready")[0] != 503 and time.monotonic() < until:
            pass
        assert server.ask("GET", "/ready")[0] == 503 and server.ask("GET", "/health")[0] == 200
        assert server.ask("POST", "/v1/completions", {"prompt": "x"})[0] == 503
        answer = b""
        while piece := stream.recv(65536):
            answer += piece
        assert b"data: [DONE]" in answer
        ended = time.monotonic()
        assert server.process.wait(timeout=30) == 0 and time.monotonic() - ended < 3


def test_a_second_signal_ends_at_once(tidemill, chat_model):
    with serving(tidemill, chat_model, "--threads", "1") as server:
        stream = begin_stream(server, 4000)
        server.process.send_signal(signal.SIGTERM)
        while not any("stopping" in line for line in server.lines):
            time.sleep(0.01)
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(timeout=5) == 130
        stream.close()


@pytest.mark.parametrize(
    "arguments, words",
    [
        (["--host", "0.0.0.0"], "--api-key-file"), (["--host", "example"], "not an address"),
        (["--max-running", "65"], "--max-running"), (["--api-key-file", "/nothing"], "/nothing"),
    ],
)  # fmt: skip
def test_what_could_not_be_served_is_said_before_anything_is_loaded(tidemill, tiny_model, arguments, words):
    done = tidemill.run("serve", tiny_model, *arguments, "--check")
    assert done.returncode in (2, 3) and words in done.stderr and done.stderr.count("\n") == 1


def test_a_port_that_is_taken_is_said(tidemill, tiny_model, server):
    done = tidemill.run("serve", tiny_model, "--port", server.port)
    assert done.returncode == 1 and "cannot be listened on" in done.stderr


def test_check_says_that_all_is_well(tidemill, tiny_model):
    done = tidemill.run("serve", tiny_model, "--check")
    assert done.returncode == 0 and "can be served" in done.stdout
