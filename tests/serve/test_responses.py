"""/v1/responses by OpenAI's client: texts, calls, events, and what is refused."""

import json

import openai
import pytest

from tool_formats import FORMATS, ONE, RAIN, TOOLS, WEATHER

FLAT = [{"type": "function", **tool["function"]} for tool in TOOLS]


@pytest.fixture(scope="module")
def client(tool_server):
    return openai.OpenAI(base_url=tool_server.url + "/v1", api_key="none", max_retries=0)


def ask(client, script, **options):
    return client.responses.create(model="hermes", input=f"How is it?<say:{script}>", store=False, temperature=0, **options)


def test_a_text(client):
    answer = ask(client, "text")
    assert answer.output_text == FORMATS["hermes"][2]["text"] and answer.status == "completed"
    assert answer.object == "response" and answer.id.startswith("resp_") and answer.error is None
    assert answer.usage.total_tokens == answer.usage.input_tokens + answer.usage.output_tokens > answer.usage.output_tokens > 0


def test_calls_are_items(client):
    answer = ask(client, "two", tools=FLAT)
    assert [item.type for item in answer.output] == ["message", "function_call", "function_call"]
    assert answer.output_text == "Let me see."
    assert [(call.name, json.loads(call.arguments)) for call in answer.output[1:]] == [("weather", WEATHER), ("rain", RAIN)]
    assert len({item.id for item in answer.output}) == 3 and answer.output[1].call_id != answer.output[2].call_id


def test_a_forced_call(client):
    empty = {"type": "function", "name": "now", "parameters": {"type": "object", "properties": {}, "additionalProperties": False}}
    for choice in ["required", {"type": "function", "name": "now"}]:
        answer = ask(client, "text", tools=[empty], tool_choice=choice)
        assert [(item.name, json.loads(item.arguments)) for item in answer.output] == [("now", {})]


@pytest.mark.parametrize("script", ["text", "one", "two", "bare", "broken"])
def test_the_events_build_the_answer(client, script):
    whole = ask(client, script, tools=FLAT)
    items, types = [], []
    for number, event in enumerate(ask(client, script, tools=FLAT, stream=True)):
        assert event.sequence_number == number
        types.append(event.type)
        if event.type == "response.output_item.added":
            assert event.output_index == len(items) and event.item.status == "in_progress"
            items.append("")
        elif event.type.endswith(".delta"):
            items[event.output_index] += event.delta
        elif event.type == "response.output_text.done":
            assert event.text == items[event.output_index]
        elif event.type == "response.function_call_arguments.done":
            assert event.arguments == items[event.output_index]
        elif event.type == "response.output_item.done":
            assert event.item.status == "completed"
    assert types[:2] == ["response.created", "response.in_progress"] and types[-1] == "response.completed"
    told = [item.content[0].text if item.type == "message" else item.arguments for item in whole.output]
    assert items == told
    final = [item.content[0].text if item.type == "message" else item.arguments for item in event.response.output]
    assert final == told and event.response.usage.output_tokens == whole.usage.output_tokens


def test_the_client_gathers_the_events(client):
    with client.responses.stream(model="hermes", input="How?<say:one>", tools=FLAT, temperature=0) as stream:
        final = stream.get_final_response()
    assert final.output[0].name == "weather" and final.output[0].arguments == ONE


def test_what_is_cut_short_is_incomplete(client):
    answer = ask(client, "text", max_output_tokens=2)
    assert answer.status == "incomplete" and answer.incomplete_details.reason == "max_output_tokens"
    *_, last = ask(client, "text", max_output_tokens=2, stream=True)
    assert last.type == "response.incomplete" and last.response.output_text == answer.output_text


def test_items_are_the_messages_of_a_chat(client):
    call = {"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": ONE}}
    messages = [
        {"role": "system", "content": "Be short.\n\nBe kind."}, {"role": "user", "content": "How is it?"},
        {"role": "assistant", "content": "Let me see.", "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "call_1", "content": "rain"}, {"role": "user", "content": "So?<say:text>"},
    ]  # fmt: skip
    chat = client.chat.completions.create(model="hermes", messages=messages, tools=TOOLS, temperature=0)
    items = [
        {"role": "developer", "content": "Be kind."},
        {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "How is it?"}]},
        {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "Let me see."}]},
        {"type": "function_call", "call_id": "call_1", "name": "weather", "arguments": ONE},
        {"type": "function_call_output", "call_id": "call_1", "output": "rain"},
        {"role": "user", "content": "So?<say:text>"},
    ]
    answer = client.responses.create(model="hermes", instructions="Be short.", input=items, tools=FLAT, temperature=0)
    assert answer.output_text == chat.choices[0].message.content
    assert answer.usage.input_tokens == chat.usage.prompt_tokens


@pytest.mark.parametrize(
    "fields, param",
    [
        ({"input": None}, "input"), ({"input": []}, "input"), ({"input": [5]}, "input[0]"), ({"input": 5}, "input"),
        ({"input": [{"content": "x"}]}, "input[0].role"), ({"input": [{"type": "reasoning"}]}, "input[0].type"),
        ({"input": [{"role": "user", "content": [{"type": "input_image"}]}]}, "input[0].content[0].type"),
        ({"input": [{"type": "function_call", "call_id": "x"}]}, "input[0].name"),
        ({"input": [{"type": "function_call", "name": "f", "arguments": "{"}]}, "input[0].arguments"),
        ({"input": [{"type": "function_call", "name": "f", "arguments": '{"a":' * 100}]}, "input[0].arguments"),
        ({"input": [{"type": "function_call_output", "call_id": "x"}]}, "input[0].output"),
        ({"store": True}, "store"), ({"previous_response_id": "resp_1"}, "previous_response_id"),
        ({"conversation": "c"}, "conversation"), ({"background": True}, "background"), ({"truncation": "auto"}, "truncation"),
        ({"reasoning": {"effort": "high"}}, "reasoning"), ({"include": ["x"]}, "include"), ({"n": 2}, "n"),
        ({"max_output_tokens": 0}, "max_output_tokens"), ({"instructions": 5}, "instructions"),
        ({"text": {"format": {"type": "json_object"}}}, "text.format"), ({"tools": [{"type": "web_search"}]}, "tools[0].type"),
        ({"tools": FLAT, "tool_choice": {"type": "function", "name": "tea"}}, "tool_choice"),
        ({"tools": FLAT, "tool_choice": {"type": "allowed_tools"}}, "tool_choice"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named(tool_server, fields, param):
    status, _, answer = tool_server.ask("POST", "/v1/responses", {"model": "hermes", "input": "x"} | fields)
    assert status == 400 and answer["error"]["param"] == param, answer
