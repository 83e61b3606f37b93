"""Many clients, idle, slow, hasty or leaving: what they take comes back, and nobody else waits for them."""

import concurrent.futures
import contextlib
import json
import re
import resource
import signal
import socket
import statistics
import time

import pytest

from server import serving

HEAD = b"POST /v1/completions HTTP/1.1\r\nContent-Type: application/json\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n"


def send(server, wait_for=None, **body):
    """A connection that has asked for a completion; with `wait_for`, once that number has come back."""
    data = json.dumps(body).encode()
    connection = socket.create_connection(("127.0.0.1", server.port), timeout=60)
    connection.sendall(HEAD % len(data) + data)
    if wait_for:
        assert connection.recv(4096).startswith(b"HTTP/1.1 %d" % wait_for)
    return connection


def told(server, name):
    """The sum of a metric over its labels."""
    text = server.ask("GET", "/metrics")[2].decode()
    return sum(float(value) for value in re.findall(rf"^{name}(?:\{{[^}}]*\}})? (\S+)$", text, re.MULTILINE))


def wait_until(condition, seconds=20):
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "it did not come to that"
        time.sleep(0.01)


def resident_bytes(server):
    with open(f"/proc/{server.process.pid}/statm") as file:
        return int(file.read().split()[1]) * resource.getpagesize()


@pytest.fixture
def one_place(tidemill, chat_model):
    with serving(tidemill, chat_model, "--max-running", "1", "--threads", "1", "--ctx", "32768", "--prefix-cache-mib", "0") as server:
        yield server


def test_a_thousand_idle_connections_are_cheap_and_slow_nobody(tidemill, chat_model):
    n_idle = 980
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < 2 * n_idle:
        pytest.skip(f"this user may open {hard} files only")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 2 * n_idle), hard))
    with serving(tidemill, chat_model, "--threads", "1") as server, contextlib.ExitStack() as idle:

        def latency():
            with socket.create_connection(("127.0.0.1", server.port)) as connection:
                waits = []
                for _ in range(200):
                    begin = time.perf_counter()
                    connection.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
                    connection.recv(4096)
                    waits.append(time.perf_counter() - begin)
            return statistics.median(waits)

        alone, before = latency(), resident_bytes(server)
        for _ in range(n_idle):
            connection = idle.enter_context(socket.create_connection(("127.0.0.1", server.port)))
            connection.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert connection.recv(4096).startswith(b"HTTP/1.1 200")
        assert told(server, "tidemill_connections_open") > n_idle
        assert resident_bytes(server) - before < 50e6
        assert latency() < 3 * alone + 0.001


def test_who_leaves_the_queue_is_never_worked_for(one_place):
    running = send(one_place, wait_for=200, prompt="x", max_tokens=20000, ignore_eos=True, stream=True)
    waiting = [send(one_place, prompt="y", max_tokens=20000, ignore_eos=True) for _ in range(5)]
    wait_until(lambda: told(one_place, "tidemill_requests_queued") == 5)
    for connection in waiting:
        connection.close()
    wait_until(lambda: told(one_place, "tidemill_requests_queued") == 0)
    assert told(one_place, "tidemill_requests_running") == 1
    running.close()
    wait_until(lambda: told(one_place, "tidemill_requests_running") == 0)
    one_place.complete(prompt="x", max_tokens=1)
    # Of the six, only the one that ran has written anything.
    assert told(one_place, "tidemill_texts_ended_total") == 7
    assert told(one_place, "tidemill_text_completion_tokens_count") == 7
    assert told(one_place, "tidemill_text_queue_seconds_count") == 2


def test_who_leaves_while_his_prompt_is_read_stops_it(one_place):
    n_prompt = 30000
    connection = send(one_place, prompt=[2] + [5 + k % 50 for k in range(n_prompt - 1)], max_tokens=100, ignore_eos=True)
    wait_until(lambda: told(one_place, "tidemill_steps_total") > 0)
    connection.close()
    wait_until(lambda: told(one_place, "tidemill_requests_running") == 0)
    assert 0 < told(one_place, "tidemill_step_tokens_total") < n_prompt
    one_place.complete(prompt="x", max_tokens=1)


def test_who_leaves_stops_within_a_token(one_place):
    connection = send(one_place, wait_for=200, prompt="x", max_tokens=30000, ignore_eos=True, stream=True)
    wait_until(lambda: told(one_place, "tidemill_steps_total") > 5)
    connection.close()
    wait_until(lambda: told(one_place, "tidemill_requests_running") == 0, seconds=2)
    n_steps = told(one_place, "tidemill_steps_total")
    time.sleep(0.2)
    assert told(one_place, "tidemill_steps_total") == n_steps < 30000


def test_a_burst_beyond_the_queue_gets_answers_of_two_kinds(tidemill, chat_model):
    with serving(tidemill, chat_model, "--max-running", "2", "--max-queued", "6", "--threads", "1") as server:
        with concurrent.futures.ThreadPoolExecutor(80) as pool:
            body = {"prompt": "x", "max_tokens": 100, "ignore_eos": True}
            answers = list(pool.map(lambda _: server.ask("POST", "/v1/completions", body), range(80)))
        statuses = [status for status, _, _ in answers]
        assert set(statuses) <= {200, 503} and statuses.count(200) >= 8
        for status, headers, answer in answers:
            assert status == 200 or (headers["Retry-After"] and answer["error"]["code"] == "queue_full")
        server.complete(prompt="x", max_tokens=1)


@pytest.fixture(scope="module")
def impatient(tidemill, chat_model):
    with serving(tidemill, chat_model, "--timeout-seconds", "1", "--ctx", "32768", "--threads", "1") as server:
        yield server


def closed_after(connection):
    begin = time.monotonic()
    with contextlib.suppress(ConnectionResetError):
        while connection.recv(65536):
            pass
    return time.monotonic() - begin


def test_half_a_body_is_waited_for_only_so_long(impatient):
    with socket.create_connection(("127.0.0.1", impatient.port), timeout=20) as connection:
        connection.sendall(HEAD % 100 + b'{"prompt":')
        assert 0.5 < closed_after(connection) < 10


def test_a_header_that_does_not_end_is_waited_for_ten_seconds(impatient):
    with socket.create_connection(("127.0.0.1", impatient.port), timeout=30) as connection:
        connection.sendall(b"GET /health HTTP/1.1\r\nHost: loc")
        assert 5 < closed_after(connection) < 25


def test_who_closes_one_direction_only_has_left(impatient):
    before = told(impatient, "tidemill_texts_ended_total")
    connection = send(impatient, wait_for=200, prompt="x", max_tokens=30000, ignore_eos=True, stream=True)
    connection.shutdown(socket.SHUT_WR)
    wait_until(lambda: told(impatient, "tidemill_texts_ended_total") == before + 1)
    assert told(impatient, "tidemill_completion_tokens_total") < 30000
    connection.close()


def test_who_does_not_read_is_dropped(impatient):
    before = told(impatient, "tidemill_texts_ended_total")
    data = json.dumps({"prompt": "x", "max_tokens": 30000, "n": 2, "logprobs": 20, "ignore_eos": True, "stream": True}).encode()
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.connect(("127.0.0.1", impatient.port))
        connection.sendall(HEAD % len(data) + data)
        wait_until(lambda: told(impatient, "tidemill_texts_ended_total") == before + 2, seconds=40)
    text = impatient.ask("GET", "/metrics")[2].decode()
    assert float(re.search(r'texts_ended_total\{finished_reason="abort",model="tiny-chat"\} (\S+)', text)[1]) >= 2
    assert impatient.ask("GET", "/health")[0] == 200


def test_sigterm_lets_those_that_wait_have_their_answers(one_place):
    streams = [send(one_place, wait_for=200, prompt="x", max_tokens=500, ignore_eos=True, stream=True) for _ in range(3)]
    one_place.process.send_signal(signal.SIGTERM)
    for stream in streams:
        answer = b""
        while piece := stream.recv(65536):
            answer += piece
        assert answer.endswith(b"data: [DONE]\n\n\r\n0\r\n\r\n")
    ended = time.monotonic()
    assert one_place.process.wait(timeout=30) == 0 and time.monotonic() - ended < 1.5
