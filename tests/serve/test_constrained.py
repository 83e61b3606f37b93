"""Answers that must be JSON, satisfy a schema or follow a grammar, by OpenAI's protocol."""

import json

import jsonschema
import pytest

SCHEMA = {
    "type": "object",
    "properties": {
        "zone": {"type": "string", "maxLength": 12},
        "count": {"type": "integer"},
        "kinds": {"type": "array", "items": {"enum": ["ebb", "flood"]}, "minItems": 1, "maxItems": 3},
    },
    "required": ["zone", "count", "kinds"],
    "additionalProperties": False,
}
ASK = {"messages": [{"role": "user", "content": "a mill"}], "max_tokens": 600}


def schema_format(schema):
    return {"type": "json_schema", "json_schema": {"name": "mill", "strict": True, "schema": schema}}


def contents(server, **fields):
    status, _, answer = server.ask("POST", "/v1/chat/completions", ASK | fields)
    assert status == 200, answer
    return [(choice["message"]["content"], choice["finish_reason"]) for choice in answer["choices"]]


@pytest.mark.parametrize("temperature", [0, 1, 2])
def test_texts_satisfy_the_schema_in_the_order_of_its_properties(server, temperature):
    texts = contents(server, response_format=schema_format(SCHEMA), temperature=temperature, n=4, seed=5)
    for text, reason in texts:
        assert reason == "stop", text
        value = json.loads(text)
        jsonschema.validate(value, SCHEMA)
        assert list(value) == ["zone", "count", "kinds"]


def test_a_cut_text_says_so(server):
    [(text, reason)] = contents(server, response_format=schema_format(SCHEMA), max_tokens=3)
    assert reason == "length" and text.startswith("{")


def test_json_object_is_an_object(server):
    for text, reason in contents(server, response_format={"type": "json_object"}, n=8, seed=1):
        assert text.startswith("{")
        if reason == "stop":
            assert isinstance(json.loads(text), dict)


def test_a_grammar_holds_texts_and_streams(server):
    body = {"prompt": "is it", "grammar": 'root ::= ("yes" | "no") " indeed"{2}', "max_tokens": 40, "n": 4, "seed": 3}
    answer = server.complete(**body)
    texts = [choice["text"] for choice in answer["choices"]]
    assert set(texts) <= {"yes indeed indeed", "no indeed indeed"}
    status, _, stream = server.ask("POST", "/v1/completions", body | {"stream": True})
    assert status == 200
    streamed = dict.fromkeys(range(4), "")
    for line in stream.decode().split("\n\n"):
        if line.startswith("data: {"):
            for choice in json.loads(line[6:])["choices"]:
                streamed[choice["index"]] += choice["text"]
    assert list(streamed.values()) == texts


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"response_format": {"type": "xml"}}, "response_format.type"),
        ({"response_format": {"type": "json_schema"}}, "response_format.json_schema"),
        ({"response_format": "json_object"}, "response_format"),
        ({"response_format": schema_format({"type": "strange"})}, "response_format.json_schema.schema.type"),
        (
            {"response_format": schema_format({"properties": {"a": {"items": {"not": {}}}}})},
            "response_format.json_schema.schema.properties.a.items.not",
        ),
        ({"response_format": schema_format({"$ref": "#/$defs/x"})}, "response_format.json_schema.schema.$ref"),
        ({"grammar": "root ::= x"}, "grammar"),
        ({"grammar": "root ::= root"}, "grammar"),
        ({"grammar": 7}, "grammar"),
        ({"grammar": 'root ::= "a"', "response_format": {"type": "json_object"}}, "grammar"),
    ],
)
def test_what_cannot_be_enforced_is_refused_with_its_path(server, fields, param):
    status, _, answer = server.ask("POST", "/v1/chat/completions", ASK | fields)
    assert status == 400, answer
    assert answer["error"]["param"] == param


def test_a_hostile_grammar_ends_its_own_request_only(server):
    body = {"prompt": "x", "grammar": 'root ::= (.{1,4000} "a"? .{1,4000}){1,4000}', "max_tokens": 50, "seed": 2}
    status, _, answer = server.ask("POST", "/v1/completions", body)
    assert status in (200, 400), answer
    assert server.complete(prompt="x", max_tokens=2)["usage"]["completion_tokens"] == 2
