"""/rerank: the scores of sentence-transformers' CrossEncoder in the forms of Cohere, Jina and text-embeddings-inference."""

import concurrent.futures
import pathlib
import sys

import numpy as np
import pytest

from server import serving

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "embed"))

from cross_encoder import DOCUMENTS, QUERY, CrossEncoder  # noqa: E402
from sentence_folders import make_folder  # noqa: E402

KEYS = ["--api-key", "ops:0123456789abcdef-admin infer,embed,metrics,admin", "--api-key", "texts:0123456789abcdef-texts infer"]
ADMIN = {"Authorization": "Bearer 0123456789abcdef-admin"}


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return CrossEncoder(tmp_path_factory.mktemp("rerank"))


@pytest.fixture(scope="module")
def rerank_server(tidemill, model, tiny_model, tmp_path_factory):
    encoder = make_folder(tmp_path_factory.mktemp("encoder") / "model")
    models = ["--model", f"cross={model.folder}", "--model", f"vectors={encoder}", "--model", f"gemma={tiny_model}"]
    with serving(tidemill, *models, "--threads", "1", "--max-queued", "8") as running:
        yield running


@pytest.fixture(scope="module")
def scores(model):
    return 1 / (1 + np.exp(-model.numbers()))


def ask(server, path="/rerank", **body):
    status, _, answer = server.ask("POST", path, {"query": QUERY} | body)
    assert status == 200, answer
    return answer


def expect(entries, expected, name="relevance_score"):
    assert [entry["index"] for entry in entries] == list(np.argsort(-expected, kind="stable"))
    np.testing.assert_allclose([entry[name] for entry in entries], np.sort(expected)[::-1], atol=1e-5)


@pytest.mark.parametrize("path", ["/rerank", "/v1/rerank", "/v2/rerank"])
def test_as_cohere_and_jina_answer(rerank_server, model, scores, path):
    answer = ask(rerank_server, path, documents=DOCUMENTS, model="cross")
    expect(answer["results"], scores)
    assert set(answer["results"][0]) == {"index", "relevance_score"} and answer["model"] == "cross" and answer["id"]
    n_tokens = sum(len(model.tokenizer.encode(QUERY, document).ids) for document in DOCUMENTS)
    assert answer["usage"] == {"prompt_tokens": n_tokens, "total_tokens": n_tokens}
    best = ask(rerank_server, path, documents=[{"text": text} for text in DOCUMENTS], top_n=2, return_documents=True)["results"]
    assert [entry["document"] for entry in best] == [{"text": DOCUMENTS[entry["index"]]} for entry in answer["results"][:2]]
    expect(ask(rerank_server, path, documents=DOCUMENTS, raw_scores=True, top_n=100)["results"], model.numbers())


def test_as_text_embeddings_inference_answers(rerank_server, model, scores):
    answer = ask(rerank_server, texts=DOCUMENTS, truncate=True)
    expect(answer, scores, "score")
    assert set(answer[0]) == {"index", "score"}
    expect(ask(rerank_server, texts=DOCUMENTS, raw_scores=True), model.numbers(), "score")
    assert all(entry["text"] == DOCUMENTS[entry["index"]] for entry in ask(rerank_server, texts=DOCUMENTS, return_text=True))


def test_many_requests_take_turns(rerank_server, scores):
    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        long = pool.submit(ask, rerank_server, documents=DOCUMENTS * 200)
        short = [pool.submit(ask, rerank_server, documents=DOCUMENTS) for _ in range(5)]
        for one in short:
            expect(one.result()["results"], scores)
        results = long.result()["results"]
    assert sorted(entry["index"] for entry in results) == list(range(1000))
    for entry in results:
        assert abs(entry["relevance_score"] - scores[entry["index"] % 5]) < 1e-5


@pytest.mark.parametrize(
    "fields, param",
    [
        ({"query": None}, "query"), ({"query": 5}, "query"), ({"query": ["x"]}, "query"), ({"query": "x" * 70000}, "query"),
        ({"documents": None}, "documents"), ({"documents": []}, "documents"), ({"documents": "x"}, "documents"),
        ({"documents": ["x", 5]}, "documents[1]"), ({"documents": [{"body": "x"}]}, "documents[0]"),
        ({"documents": [{"text": 5}]}, "documents[0]"), ({"documents": ["x"] * 2049}, "documents"), ({"texts": ["x"]}, "texts"),
        ({"documents": None, "texts": [5]}, "texts[0]"), ({"documents": None, "texts": {}}, "texts"),
        ({"top_n": -1}, "top_n"), ({"top_n": "2"}, "top_n"), ({"return_documents": 1}, "return_documents"),
        ({"return_text": "yes"}, "return_text"), ({"raw_scores": 1}, "raw_scores"),
        ({"model": "gemma"}, "model"), ({"model": "vectors"}, "model"), ({"model": "other"}, "model"), ({"model": 5}, "model"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named(rerank_server, fields, param):
    status, _, answer = rerank_server.ask("POST", "/rerank", {"query": "x", "documents": ["y"]} | fields)
    assert status == (404 if fields.get("model") == "other" else 400) and answer["error"]["param"] == param, answer


def test_a_model_of_rankings_does_nothing_else(rerank_server):
    listed = {model["id"] for model in rerank_server.ask("GET", "/v1/models")[2]["data"]}
    assert listed == {"cross", "vectors", "gemma"}
    for path, body in [("/v1/completions", {"prompt": "x"}), ("/v1/embeddings", {"input": "x"})]:
        status, _, answer = rerank_server.ask("POST", path, {"model": "cross"} | body)
        assert status == 400 and answer["error"]["param"] == "model" and "/rerank" in answer["error"]["message"]


def test_rankings_are_counted_and_scoped(tidemill, model):
    with serving(tidemill, "--model", f"cross={model.folder}", *KEYS, "--threads", "1", "--max-tokens-per-minute", "1000") as server:
        n_tokens = len(model.tokenizer.encode(QUERY, DOCUMENTS[0]).ids)
        for left in [1000, 1000 - n_tokens]:
            status, headers, _ = server.ask("POST", "/rerank", {"query": QUERY, "documents": DOCUMENTS[:1]}, ADMIN)
            assert status == 200 and left - 1 <= int(headers["x-ratelimit-remaining-tokens"]) <= left
        text = server.ask("GET", "/metrics", headers=ADMIN)[2].decode()
        assert 'tidemill_ranked_documents_total{model="cross"} 2\n' in text
        assert f'tidemill_ranked_tokens_total{{model="cross"}} {2 * n_tokens}\n' in text
        body = {"query": QUERY, "documents": DOCUMENTS}
        assert server.ask("POST", "/rerank", body)[0] == 401
        assert server.ask("POST", "/rerank", body, {"Authorization": "Bearer 0123456789abcdef-texts"})[0] == 403
        assert server.ask("DELETE", "/v1/models/cross", headers=ADMIN)[0] == 200
        assert server.ask("POST", "/rerank", body | {"model": "cross"}, ADMIN)[0] == 404
        assert server.ask("POST", "/v1/models", {"id": "back", "path": str(model.folder)}, ADMIN)[0] == 201
        assert server.ask("POST", "/rerank", body, ADMIN)[2]["model"] == "back"
