"""What operators see of `tidemill serve`: metrics, logs, readiness."""

import json
import re
import socket
import subprocess
import threading
import time
import urllib.error
import urllib.request

import pytest
from prometheus_client.parser import text_string_to_metric_families

from server import serving

SAMPLE = re.compile(r"^([a-zA-Z_:][a-zA-Z0-9_:]*)(\{.*\})? (\S+)$")


def metrics(server):
    """Samples by name and labels."""
    status, headers, text = server.ask("GET", "/metrics")
    assert status == 200 and headers["Content-Type"].startswith("text/plain; version=0.0.4")
    samples = [SAMPLE.match(line).groups() for line in text.decode().splitlines() if not line.startswith("#")]
    return {name + (labels or ""): float(value) for name, labels, value in samples}


@pytest.fixture(scope="module")
def watched(tidemill, chat_model):
    with serving(tidemill, chat_model, "--threads", "1", "--log-format", "json") as server:
        yield server


def test_requests_and_tokens_are_counted(watched):
    before = metrics(watched)
    prompt = [2] + [5 + index % 50 for index in range(99)]
    for _ in range(2):
        watched.complete(prompt=prompt, max_tokens=10, temperature=0, ignore_eos=True)
    watched.ask("POST", "/v1/completions", {"prompt": 5})
    watched.ask("GET", "/nothing/at/all")
    after = metrics(watched)

    def grown(name):
        return after[name] - before.get(name, 0)

    route = 'method="POST",route="/v1/completions"'
    assert grown(f'tidemill_http_requests_total{{{route},status="200"}}') == 2
    assert grown(f'tidemill_http_requests_total{{{route},status="400"}}') == 1
    assert grown('tidemill_http_requests_total{method="other",route="unknown",status="404"}') == 1
    assert grown(f"tidemill_http_request_duration_seconds_count{{{route}}}") == 3
    for own, labels in [("tidemill_", '{model="tiny-chat"}'), ("vllm:", '{model_name="tiny-chat"}')]:
        assert grown(f"{own}prompt_tokens_total{labels}") == 200
        assert grown(f"{own}time_to_first_token_seconds_count{labels}") == 2
        assert grown(f"{own}time_per_output_token_seconds_count{labels}") == 2
    assert grown('tidemill_completion_tokens_total{model="tiny-chat"}') == 20
    assert grown('vllm:generation_tokens_total{model_name="tiny-chat"}') == 20
    assert grown('llamacpp:tokens_predicted_total{model="tiny-chat"}') == 20
    assert grown('tidemill_prompt_tokens_cached_total{model="tiny-chat"}') == 99  # the last is read for its scores
    assert grown('tidemill_steps_total{model="tiny-chat"}') > 2  # guesses that come true save steps
    assert 0 < after["tidemill_time_to_first_token_seconds_sum{model=\"tiny-chat\"}"] < 60
    assert after["process_resident_memory_bytes"] > 1e6 and after["tidemill_connections_open"] >= 1
    assert after['tidemill_state_bytes{model="tiny-chat"}'] > 0
    assert abs(after["process_start_time_seconds"] - time.time()) < 3600


def test_names_follow_the_conventions(watched):
    text = watched.ask("GET", "/metrics")[2].decode()
    families = list(text_string_to_metric_families(text))
    assert len({family.name for family in families}) == len(families) > 30
    for family in families:
        assert family.documentation, family.name
        assert family.type != "counter" or all(sample.name.endswith("_total") for sample in family.samples), family.name
        if family.name.startswith("tidemill_"):  # other programs' names may have colons, units of their own, and lack a help text
            assert not re.search(r"_(ms|millis|milliseconds|kb|mb|mib|percent)(_|$)", family.name), family.name


def test_every_name_of_the_page_of_metrics_is_told(watched, tidemill):
    watched.complete(prompt="x", max_tokens=3, ignore_eos=True)
    text = watched.ask("GET", "/metrics")[2].decode()
    for name in ["vllm:request_prompt_tokens_bucket", "vllm:request_generation_tokens_bucket", "vllm:request_queue_time_seconds_sum",
                 "vllm:request_prefill_time_seconds_sum", "vllm:request_decode_time_seconds_sum", "vllm:kv_cache_usage_perc",
                 "llamacpp:prompt_tokens_seconds", "llamacpp:predicted_tokens_seconds", "vllm:num_requests_running", "vllm:num_requests_waiting", "vllm:kv_cache_usage_perc",
                 "vllm:e2e_request_latency_seconds_bucket", "vllm:request_success_total", "llamacpp:requests_processing",
                 "llamacpp:requests_deferred", "llamacpp:prompt_tokens_total", "llamacpp:n_decode_total"]:  # fmt: skip
        assert re.search(rf"^{name}[{{ ]", text, re.MULTILINE), name


def test_pages_and_reasons(watched):
    prompt = [2] + [5 + index % 50 for index in range(199)]
    before = metrics(watched)
    assert watched.ask("POST", "/v1/completions", {"prompt": [prompt] * 4, "max_tokens": 1, "n": 1, "ignore_eos": True})[0] == 200
    after = metrics(watched)
    used, shared, free = (after[f'tidemill_state_pages_{kind}{{model="tiny-chat"}}'] for kind in ["used", "shared", "free"])
    assert used >= 1 and 0 <= shared <= used and free >= 0
    for name in ['tidemill_texts_ended_total{finished_reason="length",model="tiny-chat"}',
                 'vllm:request_success_total{finished_reason="length",model_name="tiny-chat"}']:  # fmt: skip
        assert after[name] - before.get(name, 0) == 4


def test_each_request_has_its_line(watched):
    status, headers, _ = watched.ask("POST", "/v1/completions?secret=1", {"prompt": "do not tell", "max_tokens": 1})
    assert status == 200
    wanted, until = headers["x-request-id"], time.monotonic() + 10
    while not any(wanted in line for line in watched.lines) and time.monotonic() < until:
        time.sleep(0.01)
    (line,) = [json.loads(line) for line in watched.lines if f'"{wanted}"' in line]
    assert line["method"] == "POST" and line["path"] == "/v1/completions" and line["status"] == 200
    assert line["client"] == "127.0.0.1" and line["level"] == "info" and line["duration_ms"] > 0
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", line["time"])
    everything = "".join(watched.lines)
    assert "do not tell" not in everything and "secret" not in everything


def test_lines_cannot_be_forged(server):
    path = "/" + "y" * 5000
    _, headers, _ = server.ask("GET", path)
    until = time.monotonic() + 10
    while not any(headers["x-request-id"] + " " in line for line in server.lines) and time.monotonic() < until:
        time.sleep(0.01)
    (line,) = [line for line in server.lines if headers["x-request-id"] + " " in line]
    assert len(line) < 400 and line.rstrip("\n").isprintable() and " 404 " in line


def test_it_is_not_ready_while_models_are_loaded(tidemill, tiny_model):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    models = [word for index in range(80) for word in ("--model", f"m{index}={tiny_model}")]
    command = [tidemill.program, "serve", *models, "--port", str(port), "--ctx", "16", "--prefix-cache-mib", "0", "--threads", "1"]
    process = subprocess.Popen(list(map(str, command)), stderr=subprocess.PIPE, text=True)
    lines = []
    reader = threading.Thread(target=lambda: lines.extend(process.stderr), daemon=True)
    reader.start()
    seen, until = [], time.monotonic() + 60
    try:
        while (not seen or seen[-1] != "ready") and time.monotonic() < until:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/ready", timeout=10) as answer:
                    seen.append(json.load(answer)["status"])
            except urllib.error.HTTPError as error:
                assert error.code == 503
                seen.append(json.load(error)["status"])
            except OSError:
                time.sleep(0.002)
    finally:
        process.kill()
        process.wait()
        reader.join()
    assert seen[-1:] == ["ready"] and "loading" in seen, (seen[-3:], lines[-3:])
