"""/v1/embeddings by OpenAI's client: the vectors of `tidemill embed`, in every form, and what is refused."""

import base64
import concurrent.futures
import pathlib
import sys

import numpy as np
import openai
import pytest

from server import serving

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "embed"))

from sentence_folders import D_MODEL, TEXTS, ids_of, make_folder, unit  # noqa: E402

ADMIN = {"Authorization": "Bearer 0123456789abcdef-admin"}
PROMPTS = {"prompts": {"query": "a tide: "}}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return make_folder(tmp_path_factory.mktemp("embeddings") / "model", prompts=PROMPTS)


@pytest.fixture(scope="module")
def embedding_server(tidemill, folder, tiny_model):
    models = ["--model", f"tiny={folder}", "--model", f"gemma={tiny_model}"]
    with serving(tidemill, *models, "--threads", "1", "--max-queued", "8") as running:
        yield running


@pytest.fixture(scope="module")
def client(embedding_server):
    return openai.OpenAI(base_url=embedding_server.url + "/v1", api_key="none", max_retries=0)


@pytest.fixture(scope="module")
def expected(tidemill, folder):
    return [np.array(tidemill.json("embed", folder, "--text", text, "--threads", 1)["embedding"], np.float32) for text in TEXTS]


def vectors_of(answer):
    assert [entry.index for entry in answer.data] == list(range(len(answer.data)))
    vectors = [entry.embedding for entry in answer.data]  # the client leaves base64 alone when asked for it
    return [np.frombuffer(base64.b64decode(v), np.float32) if isinstance(v, str) else np.array(v, np.float32) for v in vectors]


def test_the_model_is_listed(client):
    assert {model.id for model in client.models.list().data} == {"tiny", "gemma"}
    assert client.models.retrieve("tiny").id == "tiny"


@pytest.mark.parametrize("form", [openai.omit, "float", "base64"])
def test_a_list_of_texts(client, folder, expected, form):
    answer = client.embeddings.create(model="tiny", input=TEXTS, encoding_format=form)
    for found, other in zip(vectors_of(answer), expected, strict=True):
        assert np.array_equal(found, other)
    assert answer.usage.prompt_tokens == answer.usage.total_tokens == sum(len(ids_of(folder, text)) for text in TEXTS)


def test_one_text_and_ids(client, folder, expected):
    assert np.array_equal(vectors_of(client.embeddings.create(model="tiny", input=TEXTS[0]))[0], expected[0])
    ids = [ids_of(folder, text) for text in TEXTS]
    assert np.array_equal(vectors_of(client.embeddings.create(model="tiny", input=ids[0]))[0], expected[0])
    for found, other in zip(vectors_of(client.embeddings.create(model="tiny", input=ids)), expected, strict=True):
        assert np.array_equal(found, other)


def test_dimensions_and_prompts(client, tidemill, folder, expected):
    short = vectors_of(client.embeddings.create(model="tiny", input=TEXTS[0], dimensions=8))[0]
    np.testing.assert_allclose(short, unit(expected[0][:8]), atol=1e-6)
    told = tidemill.json("embed", folder, "--text", "mill", "--prompt-name", "query", "--threads", 1)["embedding"]
    found = client.embeddings.create(model="tiny", input="mill", extra_body={"prompt_name": "query"})
    assert np.array_equal(vectors_of(found)[0], np.array(told, np.float32))


def test_a_long_request_keeps_no_other_waiting_and_gets_all_its_vectors(client, expected):
    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        long = pool.submit(client.embeddings.create, model="tiny", input=TEXTS * 200)
        short = [pool.submit(client.embeddings.create, model="tiny", input=TEXTS[0]) for _ in range(5)]
        assert all(np.array_equal(vectors_of(one.result())[0], expected[0]) for one in short)
        found = vectors_of(long.result())
    assert len(found) == 1400 and all(np.array_equal(one, expected[at % 7]) for at, one in enumerate(found))


def test_requests_share_passes(embedding_server, client, expected):
    def passes():
        text = embedding_server.ask("GET", "/metrics")[2].decode()
        return float(text.split('tidemill_embedding_passes_total{model="tiny"} ')[1].split()[0])

    before = passes()
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        asked = [pool.submit(client.embeddings.create, model="tiny", input=TEXTS) for _ in range(8)]
        for one in asked:
            assert all(np.array_equal(a, b) for a, b in zip(vectors_of(one.result()), expected, strict=True))
    assert 4 <= passes() - before <= 8 * len(TEXTS)


@pytest.mark.parametrize(
    "fields, param",
    [
        ({"input": None}, "input"), ({"input": []}, "input"), ({"input": 5}, "input"), ({"input": {"a": 1}}, "input"),
        ({"input": [None]}, "input"), ({"input": ["x", 5]}, "input"), ({"input": [[1, "x"]]}, "input"), ({"input": [-1]}, "input"),
        ({"input": [300]}, "input"), ({"input": [1.5]}, "input"), ({"input": ["x"] * 2049}, "input"),
        ({"encoding_format": "int8"}, "encoding_format"), ({"encoding_format": 5}, "encoding_format"),
        ({"dimensions": 0}, "dimensions"), ({"dimensions": D_MODEL + 1}, "dimensions"), ({"dimensions": "8"}, "dimensions"),
        ({"prompt_name": "other"}, "prompt_name"), ({"model": "gemma"}, "model"), ({"model": "other"}, "model"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named(embedding_server, fields, param):
    status, _, answer = embedding_server.ask("POST", "/v1/embeddings", {"model": "tiny", "input": "x"} | fields)
    assert status == (404 if fields.get("model") == "other" else 400) and answer["error"]["param"] == param, answer


def test_ids_past_the_models_length(embedding_server):
    status, _, answer = embedding_server.ask("POST", "/v1/embeddings", {"model": "tiny", "input": [5] * 97})
    assert status == 400 and answer["error"]["code"] == "context_length_exceeded"


def test_a_model_of_embeddings_writes_no_text(embedding_server):
    for path, body in [("/v1/completions", {"prompt": "x"}), ("/v1/chat/completions", {"messages": [{"role": "user", "content": "x"}]})]:
        status, _, answer = embedding_server.ask("POST", path, {"model": "tiny"} | body)
        assert status == 400 and answer["error"]["param"] == "model" and "embeddings" in answer["error"]["message"]


def test_encoders_come_go_and_are_counted(tidemill, folder, tiny_model):
    keys = ["--api-key", "ops:0123456789abcdef-admin infer,embed,metrics,admin"]
    with serving(tidemill, "--model", f"tiny={folder}", *keys, "--threads", "1", "--max-tokens-per-minute", "1000") as server:
        ids = [5, 6, 7, 8]
        for left in [1000, 996]:
            status, headers, _ = server.ask("POST", "/v1/embeddings", {"input": [ids]}, ADMIN)
            assert status == 200 and left - 1 <= int(headers["x-ratelimit-remaining-tokens"]) <= left
        text = server.ask("GET", "/metrics", headers=ADMIN)[2].decode()
        assert 'tidemill_embedded_texts_total{model="tiny"} 2\n' in text and 'tidemill_embedded_tokens_total{model="tiny"} 8\n' in text
        assert server.ask("POST", "/v1/models", {"id": "more", "path": str(folder)}, ADMIN)[0] == 201
        assert server.ask("DELETE", "/v1/models/tiny", headers=ADMIN)[0] == 200
        assert server.ask("POST", "/v1/embeddings", {"model": "tiny", "input": "x"}, ADMIN)[0] == 404
        assert server.ask("POST", "/v1/embeddings", {"input": "x"}, ADMIN)[2]["model"] == "more"
        assert server.ask("DELETE", "/v1/models/tiny", headers=ADMIN)[0] == 404
