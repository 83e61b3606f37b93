"""Several models in one server, loaded and taken out while it runs."""

import json
import threading
import time

import openai
import pytest

from server import serving

ADMIN = {"Authorization": "Bearer 0123456789abcdef-admin"}
USER = {"Authorization": "Bearer 0123456789abcdef-user"}


@pytest.fixture
def server(tidemill, chat_model):
    keys = ["--api-key", "ops:0123456789abcdef-admin infer,admin", "--api-key", "user:0123456789abcdef-user"]
    with serving(tidemill, "--model", f"one={chat_model}", *keys, "--max-running", "2", "--threads", "1") as running:
        yield running


def names(server):
    return [model["id"] for model in server.ask("GET", "/v1/models", headers=USER)[2]["data"]]


def load(server, headers=ADMIN, **body):
    return server.ask("POST", "/v1/models", body, headers)


def complete(server, model, **body):
    return server.ask("POST", "/v1/completions", {"model": model, "prompt": "x", "max_tokens": 2} | body, USER)


def test_models_come_and_go(server, tiny_model):
    status, _, model = load(server, id="two", path=str(tiny_model))
    assert status == 201 and model["id"] == "two" and names(server) == ["one", "two"]
    assert [complete(server, name)[0] for name in ["one", "two"]] == [200, 200]
    client = openai.OpenAI(base_url=server.url + "/v1", api_key="0123456789abcdef-admin", max_retries=0)
    assert client.models.delete("one").deleted
    assert names(server) == ["two"] and complete(server, "one")[0] == 404 and complete(server, "two")[0] == 200
    assert load(server, id="one", path=str(tiny_model))[0] == 201 and complete(server, "one")[0] == 200


def test_who_may(server, tiny_model):
    body = {"id": "two", "path": str(tiny_model)}
    assert load(server, USER, **body)[0] == 403 and load(server, {}, **body)[0] == 401
    assert server.ask("DELETE", "/v1/models/one", headers=USER)[0] == 403 and names(server) == ["one"]


def test_without_keys_nobody_may(tidemill, tiny_model):
    with serving(tidemill, tiny_model) as server:
        assert server.ask("DELETE", "/v1/models/model")[0] == 403
        assert load(server, {}, id="two", path=str(tiny_model))[0] == 403


@pytest.mark.parametrize(
    "body, status, param",
    [
        ({"path": "x"}, 400, "id"), ({"id": "", "path": "x"}, 400, "id"), ({"id": 5, "path": "x"}, 400, "id"),
        ({"id": "x" * 201, "path": "x"}, 400, "id"), ({"id": "two"}, 400, "path"), ({"id": "two", "path": "/nothing"}, 400, "path"),
        ({"id": "two", "path": "/dev/zero"}, 400, "path"), ({"id": "one", "path": "x"}, 409, "id"),
    ],
)  # fmt: skip
def test_what_cannot_be_loaded(server, body, status, param):
    found, _, answer = load(server, **body)
    assert found == status and answer["error"]["param"] == param, answer
    assert names(server) == ["one"] and complete(server, "one")[0] == 200


def test_unknown_models_cannot_be_removed(server):
    assert server.ask("DELETE", "/v1/models/none", headers=ADMIN)[0] == 404


def resident_bytes(server):
    with open(f"/proc/{server.process.pid}/statm") as file:
        return int(file.read().split()[1]) * 4096


def test_a_model_that_answers_stays_until_it_has(server, tiny_model):
    assert load(server, id="two", path=str(tiny_model))[0] == 201
    answers = []
    body = {"max_tokens": 3000, "ignore_eos": True, "stream": True}
    running = [threading.Thread(target=lambda: answers.append(complete(server, "one", **body))) for _ in range(2)]
    for thread in running:
        thread.start()
    time.sleep(0.3)
    assert server.ask("DELETE", "/v1/models/one", headers=ADMIN)[0] == 200 and names(server) == ["two"]
    assert complete(server, "one")[0] == 404
    for thread in running:
        thread.join()
    for status, _, text in answers:
        assert status == 200 and text.endswith(b"data: [DONE]\n\n")
        lines = text.decode().split("\n")  # not splitlines(): a text may hold other separators
        finished = [json.loads(line[6:]) for line in lines if line.startswith("data: {")][-1]
        assert finished["choices"][0]["finish_reason"] == "length"
    assert complete(server, "two")[0] == 200


def test_loading_over_and_over_keeps_memory(server, tiny_model):
    sizes = []
    for _ in range(12):
        assert load(server, id="two", path=str(tiny_model))[0] == 201 and complete(server, "two")[0] == 200
        assert server.ask("DELETE", "/v1/models/two", headers=ADMIN)[0] == 200
        time.sleep(0.15)
        sizes.append(resident_bytes(server))
    assert max(sizes[6:]) < sizes[5] * 1.2, sizes
