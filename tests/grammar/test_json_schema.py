"""What a schema's grammar allows is valid, and what is valid it allows, token by token."""

import json

import jsonschema
import pytest

from grammar_tool import answers
from random_schemas import Schemas

ROUNDS = 150


def walks(tokenizer, schemas, steps):
    lines = [{"schema": json.dumps(schema), "walk": seed, "steps": steps} for seed, schema in enumerate(schemas)]
    return answers(tokenizer, lines)


def check_walks(tokenizer, schemas, steps):
    n_whole = 0
    for schema, walk in zip(schemas, walks(tokenizer, schemas, steps), strict=True):
        assert "why" not in walk, (schema, walk)
        assert "stuck" not in walk, (schema, walk)
        if walk["whole"]:
            n_whole += 1
            jsonschema.validate(json.loads(walk["text"]), schema)
    assert n_whole > 0.7 * len(schemas)


@pytest.mark.parametrize("first", range(0, 4 * ROUNDS, ROUNDS))
def test_blind_walks_end_in_valid_documents(first):
    schemas = [Schemas(seed).schema() for seed in range(first, first + ROUNDS)]
    check_walks("bytes", schemas, 60)


def test_blind_walks_over_a_real_vocabulary(gemma_model):
    check_walks(gemma_model, [Schemas(seed).schema() for seed in range(5000, 5040)], 25)


KIND = {"kind": {"enum": ["circle", "square"]}, "r": {"type": "integer"}, "side": {"type": "integer"}}
RARE = [
    {"type": "object", "patternProperties": {"^x-[a-z]{1,3}$": {"type": "integer"}, "^[0-9]{2}$": {"type": "null"}}, "maxProperties": 4},
    {"type": "object", "propertyNames": {"pattern": "^[a-z]{1,4}$"}, "additionalProperties": {"type": "boolean"}, "maxProperties": 4},
    {"type": "object", "propertyNames": {"enum": ["a", "b", "c"]}, "additionalProperties": {"type": "null"}, "minProperties": 2},
    {"type": "object", "properties": {"a": {"type": "null"}, "b": {"type": "null"}, "c": {"type": "null"}},
     "dependentRequired": {"a": ["b"], "b": ["c"]}},
    {"type": "object", "properties": KIND, "required": ["kind"], "if": {"properties": {"kind": {"const": "circle"}}},
     "then": {"required": ["r"]}, "else": {"required": ["side"]}},
    {"type": "object", "properties": {"a": {"type": "null"}}, "dependentSchemas": {"a": {"properties": {"b": {"type": "integer"}}, "required": ["b"]}}},
    {"type": "array", "items": {"enum": ["a", "b", "c", 1, None]}, "uniqueItems": True, "minItems": 2},
    {"type": "array", "items": {"type": "integer", "multipleOf": 7}, "maxItems": 5},
    {"type": "array", "items": {"type": "number", "multipleOf": 250, "minimum": -1000, "maximum": 1e5}, "maxItems": 5},
    {"type": "array", "items": {"type": "string", "not": {"enum": ["a", "ab", "", "\u00e9"]}}, "maxItems": 5},
    {"type": "array", "items": {"not": {"type": ["object", "array", "string"]}}, "maxItems": 5},
]  # fmt: skip


def test_walks_by_rare_keywords():
    check_walks("bytes", [schema for schema in RARE for _ in range(25)], 60)


def verdicts(tokenizer, cases):
    lines = [{"schema": json.dumps(schema), "accepts": text} for schema, text in cases]
    return [(answer.get("verdict"), case) for answer, case in zip(answers(tokenizer, lines), cases, strict=True)]


def documents(seeds):
    """Schemas with documents that satisfy them, written in the ways that people do."""
    cases = []
    for seed in seeds:
        schemas = Schemas(seed)
        schema = schemas.schema()
        document = schemas.document(schema)
        jsonschema.validate(document, schema)
        for form in [{}, {"separators": (",", ":")}, {"indent": 2}, {"indent": 4, "ensure_ascii": False}]:
            form = {"ensure_ascii": False} | form
            cases.append((schema, json.dumps(document, **form)))
    return cases


def test_valid_documents_are_allowed():
    refused = [case for verdict, case in verdicts("bytes", documents(range(600))) if verdict != "whole"]
    assert refused == []


def test_valid_documents_are_allowed_with_a_real_vocabulary(gemma_model):
    refused = [case for verdict, case in verdicts(gemma_model, documents(range(7000, 7030))) if verdict != "whole"]
    assert refused == []


def test_any_json_satisfies_the_empty_schema():
    texts = [json.dumps(Schemas(seed).document(Schemas(seed).schema())) for seed in range(200)]
    assert [text for verdict, (_, text) in verdicts("bytes", [({}, text) for text in texts]) if verdict != "whole"] == []
