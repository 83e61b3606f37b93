"""Rate limits: 429 with what to do about it, in memory and shared in a real Redis."""

import contextlib
import shutil
import socket
import subprocess
import time

import pytest

from server import serving


def ask(server, **body):
    return server.ask("POST", "/v1/completions", {"prompt": "x", "max_tokens": 2, "ignore_eos": True} | body)


def test_requests_beyond_the_limit_are_told_when_to_try_again(tidemill, tiny_model):
    with serving(tidemill, tiny_model, "--max-requests-per-minute", "3") as server:
        for left in ["2", "1", "0"]:
            status, headers, _ = ask(server)
            assert status == 200 and headers["x-ratelimit-remaining-requests"] == left
            assert headers["x-ratelimit-limit-requests"] == "3" and headers["x-ratelimit-reset-requests"].endswith("s")
        status, headers, answer = ask(server, stream=True)
        assert status == 429 and 1 <= int(headers["Retry-After"]) <= 20
        assert answer["error"]["type"] == "rate_limit_error" and answer["error"]["code"] == "rate_limit_exceeded"
        for path in ["/health", "/v1/models", "/metrics"]:  # what costs nothing is not limited
            assert server.ask("GET", path)[0] == 200


def test_streams_tell_of_the_limit_too(tidemill, tiny_model):
    with serving(tidemill, tiny_model, "--rate-limit-enabled") as server:
        status, headers, text = ask(server, stream=True)
        assert status == 200 and headers["x-ratelimit-remaining-requests"] == "59" and b"[DONE]" in text


def test_tokens_are_counted_when_texts_end(tidemill, tiny_model):
    with serving(tidemill, tiny_model, "--max-tokens-per-minute", "20") as server:
        status, headers, answer = ask(server, max_tokens=30)
        assert status == 200 and headers["x-ratelimit-remaining-tokens"] == "20"
        assert answer["usage"]["total_tokens"] > 30
        status, headers, answer = ask(server)
        assert status == 429 and int(headers["Retry-After"]) > 20 and "tokens" in answer["error"]["message"]


def test_every_key_has_a_limit_of_its_own(tidemill, tiny_model):
    keys = ["alice:0123456789abcdef-alice", "bob:0123456789abcdef-bob"]
    arguments = [word for key in keys for word in ("--api-key", key)]
    with serving(tidemill, tiny_model, *arguments, "--max-requests-per-minute", "1") as server:
        def status(name):
            headers = {"Authorization": f"Bearer 0123456789abcdef-{name}"}
            return server.ask("POST", "/tokenize", {"content": "x"}, headers)[0]

        assert [status("alice"), status("alice"), status("bob"), status("eve")] == [200, 429, 200, 401]


def test_false_in_the_file_turns_limits_off(tidemill, tiny_model, tmp_path):
    path = tmp_path / "server_config.toml"
    path.write_text("[security]\nrate_limit_enabled = false\nmax_requests_per_minute = 1\n")
    with serving(tidemill, tiny_model, "--config", path) as server:
        assert [ask(server)[0] for _ in range(3)] == [200] * 3


@contextlib.contextmanager
def redis(*options, port=None):
    program = shutil.which("redis-check-rdb")  # Debian's redis-tools: the server by another name, and no service that starts
    if not program:
        pytest.skip("redis-check-rdb is not installed (Debian's package redis-tools)")
    if port is None:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
    command = ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", *options]
    process = subprocess.Popen(command, executable=program, stdout=subprocess.DEVNULL)
    try:
        for _ in range(500):
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
                break
            time.sleep(0.01)
        yield port
    finally:
        process.kill()
        process.wait()


def test_replicas_share_their_counts(tidemill, tiny_model):
    with redis("--requirepass", "pass") as port:
        shared = ["--max-requests-per-minute", "4", "--max-tokens-per-minute", "100", "--rate-limit-redis", f"redis://:pass@127.0.0.1:{port}/2"]
        with serving(tidemill, tiny_model, *shared) as one, serving(tidemill, tiny_model, *shared) as other:
            assert [ask(server)[0] for server in (one, other, one, other, one, other)] == [200] * 4 + [429] * 2
            headers = ask(one)[1]
            assert headers["x-ratelimit-remaining-requests"] == "0" and int(headers["Retry-After"]) >= 1
            assert "pass" not in "".join(one.lines + other.lines)


def test_tokens_are_owed_in_redis_too(tidemill, tiny_model):
    with redis() as port:
        shared = ["--max-tokens-per-minute", "20", "--rate-limit-redis", f"redis://127.0.0.1:{port}"]
        with serving(tidemill, tiny_model, *shared) as one, serving(tidemill, tiny_model, *shared) as other:
            assert ask(one, max_tokens=40)[0] == 200
            until = time.monotonic() + 10
            while ask(other)[0] != 429 and time.monotonic() < until:
                time.sleep(0.05)
            assert ask(other)[0] == 429


def test_without_redis_each_counts_for_itself_until_it_is_back(tidemill, tiny_model):
    with redis() as port:
        pass
    with serving(tidemill, tiny_model, "--max-requests-per-minute", "2", "--rate-limit-redis", f"redis://127.0.0.1:{port}") as server:
        assert [ask(server)[0] for _ in range(4)] == [200, 200, 429, 429]
        assert sum("does not answer" in line for line in server.lines) == 1
        with redis(port=port):
            until = time.monotonic() + 10
            while ask(server)[0] != 200 and time.monotonic() < until:
                time.sleep(0.1)
            assert any("answers again" in line for line in server.lines)
