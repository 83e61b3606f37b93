"""/openapi.json: valid, whole, and what the pages say."""

import pathlib
import re

from openapi_spec_validator import OpenAPIV31SpecValidator

ROOT = pathlib.Path(__file__).resolve().parents[2]


def operations(document):
    return {(method.upper(), path): operation for path, item in document["paths"].items() for method, operation in item.items()}


def test_it_is_valid(server):
    status, headers, document = server.ask("GET", "/openapi.json")
    assert status == 200 and headers["Content-Type"] == "application/json"
    OpenAPIV31SpecValidator(document).validate()
    ids = [operation["operationId"] for operation in operations(document).values()]
    assert len(ids) == len(set(ids)) > 10


def test_every_operation_is_described(server):
    document = server.ask("GET", "/openapi.json")[2]
    for (method, path), operation in operations(document).items():
        assert operation["summary"], (method, path)
        assert ("requestBody" in operation) == (method == "POST"), (method, path)
        for content in operation.get("requestBody", {}).get("content", {}).values():
            assert content["schema"]["$ref"].rsplit("/", 1)[1] in document["components"]["schemas"]


def test_every_operation_is_there(server):
    for method, path in operations(server.ask("GET", "/openapi.json")[2]):
        body = {} if method == "POST" else None
        status, _, answer = server.ask(method, path.replace("{id}", "none"), body)
        assert status != 405 and (status != 404 or answer["error"]["code"] == "model_not_found"), (method, path, status)


def test_the_page_names_every_operation(server):
    page = (ROOT / "docs/serving.md").read_text(encoding="utf-8")
    told = set(re.findall(r"^\| `(GET|POST|DELETE) (\S+)` \|", page, re.MULTILINE))
    assert told == {(method, path.replace("{id}", "{}")) for method, path in operations(server.ask("GET", "/openapi.json")[2])}
