"""/v1/messages by Anthropic's client: texts, calls, events, counted tokens, and what is refused."""

import anthropic
import openai
import pytest

from tool_formats import FORMATS, ONE, RAIN, TOOLS, WEATHER

CLAUDES = [
    {"name": f["name"], "description": f["description"], "input_schema": f["parameters"]} for f in (t["function"] for t in TOOLS)
]


@pytest.fixture(scope="module")
def client(tool_server):
    return anthropic.Anthropic(base_url=tool_server.url, api_key="none", max_retries=0)


def asked(script, **options):
    user = {"role": "user", "content": f"How is it?<say:{script}>"}
    return {"model": "hermes", "max_tokens": 300, "extra_body": {"temperature": 0}, "messages": [user]} | options


def test_a_text(client):
    answer = client.messages.create(**asked("text"))
    assert [block.type for block in answer.content] == ["text"] and answer.content[0].text == FORMATS["hermes"][2]["text"]
    assert answer.type == "message" and answer.role == "assistant" and answer.stop_reason == "end_turn"
    assert answer.usage.input_tokens > 0 and answer.usage.output_tokens > 0 and answer.stop_sequence is None


def test_calls_are_blocks(client):
    answer = client.messages.create(**asked("two", tools=CLAUDES))
    assert [block.type for block in answer.content] == ["text", "tool_use", "tool_use"] and answer.stop_reason == "tool_use"
    assert [(block.name, block.input) for block in answer.content[1:]] == [("weather", WEATHER), ("rain", RAIN)]
    only = client.messages.create(
        **asked("two", tools=CLAUDES, tool_choice={"type": "auto", "disable_parallel_tool_use": True})
    )
    assert [block.type for block in only.content] == ["text", "tool_use"]


def test_a_forced_call(client):
    empty = {"name": "now", "input_schema": {"type": "object", "properties": {}, "additionalProperties": False}}
    for choice in [{"type": "any"}, {"type": "tool", "name": "now"}]:
        answer = client.messages.create(**asked("text", tools=[empty], tool_choice=choice))
        assert [(block.name, block.input) for block in answer.content] == [("now", {})] and answer.stop_reason == "tool_use"


@pytest.mark.parametrize("script", ["text", "one", "two", "bare", "broken"])
def test_the_events_build_the_message(client, script):
    whole = client.messages.create(**asked(script, tools=CLAUDES))
    with client.messages.stream(**asked(script, tools=CLAUDES)) as stream:
        types = [event.type for event in stream if event.type.startswith(("message_", "content_block_st"))]
        final = stream.get_final_message()
    assert types == ["message_start", *["content_block_start", "content_block_stop"] * len(whole.content), "message_delta", "message_stop"]

    def told(message):
        return [(b.text if b.type == "text" else (b.name, b.input)) for b in message.content]

    assert told(final) == told(whole) and final.stop_reason == whole.stop_reason
    assert final.usage.output_tokens == whole.usage.output_tokens


def test_reasons_to_stop(client):
    assert client.messages.create(**asked("text", max_tokens=2)).stop_reason == "max_tokens"
    answer = client.messages.create(**asked("text", stop_sequences=["zzz", "needed"]))
    assert answer.stop_reason == "stop_sequence" and answer.stop_sequence == "needed"
    assert answer.content[0].text == FORMATS["hermes"][2]["text"].partition("needed")[0]


def test_blocks_are_the_messages_of_a_chat(client, tool_server):
    call = {"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": ONE}}
    messages = [
        {"role": "system", "content": "Be short."}, {"role": "user", "content": "How\nis it?"},
        {"role": "assistant", "content": "Let me see.", "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "call_1", "content": "rain"}, {"role": "user", "content": "So?<say:text>"},
    ]  # fmt: skip
    chats = openai.OpenAI(base_url=tool_server.url + "/v1", api_key="none")
    chat = chats.chat.completions.create(model="hermes", messages=messages, tools=TOOLS, temperature=0)
    blocks = [
        {"role": "user", "content": [{"type": "text", "text": "How"}, {"type": "text", "text": "is it?"}]},
        {"role": "assistant", "content": [
            {"type": "text", "text": "Let me see."}, {"type": "tool_use", "id": "call_1", "name": "weather", "input": WEATHER}]},
        {"role": "user", "content": [
            {"type": "tool_result", "tool_use_id": "call_1", "content": [{"type": "text", "text": "rain"}]},
            {"type": "text", "text": "So?<say:text>"}]},
    ]  # fmt: skip
    system = [{"type": "text", "text": "Be short.", "cache_control": {"type": "ephemeral"}}]
    ask = {"model": "hermes", "messages": blocks, "system": system, "tools": CLAUDES}
    answer = client.messages.create(**ask, max_tokens=300, extra_body={"temperature": 0})
    assert answer.content[0].text == chat.choices[0].message.content
    usage = answer.usage
    assert usage.input_tokens + usage.cache_read_input_tokens == chat.usage.prompt_tokens
    assert client.messages.count_tokens(**ask).input_tokens == chat.usage.prompt_tokens


@pytest.mark.parametrize(
    "fields, name",
    [
        ({"max_tokens": None}, "max_tokens"), ({"messages": []}, "messages"), ({"messages": [5]}, "messages[0]"),
        ({"messages": [{"role": "system", "content": "x"}]}, "messages[0].role"),
        ({"messages": [{"role": "user"}]}, "messages[0].content"), ({"messages": [{"role": "user", "content": 5}]}, "messages[0].content"),
        ({"messages": [{"role": "user", "content": [{"type": "image"}]}]}, "messages[0].content[0].type"),
        ({"messages": [{"role": "user", "content": [{"type": "tool_result"}]}]}, "messages[0].content[0].tool_use_id"),
        ({"messages": [{"role": "assistant", "content": [{"type": "tool_use", "name": "f"}]}]}, "messages[0].content[0].input"),
        ({"messages": [{"role": "assistant", "content": "I"}]}, "messages"), ({"system": 5}, "system"),
        ({"thinking": {"type": "enabled", "budget_tokens": 1024}}, "thinking"), ({"mcp_servers": [{}]}, "mcp_servers"),
        ({"stop_sequences": [5]}, "stop_sequences"), ({"tools": [{"type": "bash_20250124", "name": "bash"}]}, "tools[0].type"),
        ({"tools": [{"name": "f", "input_schema": 5}]}, "tools[0].input_schema"), ({"tool_choice": "auto"}, "tool_choice"),
        ({"tools": CLAUDES, "tool_choice": {"type": "tool", "name": "tea"}}, "tool_choice"), ({"model": "other"}, "model"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_in_anthropics_form(tool_server, fields, name):
    status, _, answer = tool_server.ask("POST", "/v1/messages", asked("text") | fields)
    assert status == (404 if name == "model" else 400) and set(answer) == {"type", "error"} and answer["type"] == "error"
    assert answer["error"]["type"] == ("not_found_error" if name == "model" else "invalid_request_error")
    assert f"'{name}'" in answer["error"]["message"]


def test_errors_are_the_clients_own(client, tool_server):
    with pytest.raises(anthropic.NotFoundError):
        client.messages.create(**asked("text", model="other"))
    with pytest.raises(anthropic.BadRequestError, match="context"):
        client.messages.create(**asked("text", messages=[{"role": "user", "content": "a b " * 4000}]))
    assert tool_server.ask("GET", "/v1/messages")[2]["error"]["type"] == "invalid_request_error"
