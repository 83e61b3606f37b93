"""Tools, as the users of OpenAI's client call them: models of several families that write calls in their own ways."""

import json

import openai
import pytest

from tool_formats import BODY, FORMATS, ONE, RAIN, TOOLS, WEATHER, function

CASES = [(name, script) for name, (_, _, scripts) in FORMATS.items() for script in scripts]
EXPECTED = {
    "one": [("weather", WEATHER)], "two": [("weather", WEATHER), ("rain", RAIN)], "bare": [("now", {})],
    "string": [("weather", WEATHER)], "none": [], "text": [], "broken": [],
}  # fmt: skip


@pytest.fixture(scope="module")
def client(tool_server):
    return openai.OpenAI(base_url=tool_server.url + "/v1", api_key="none", max_retries=0)


def ask(client, model, script, **options):
    messages = [{"role": "user", "content": f"How is it?<say:{script}>"}]
    options = {"tools": TOOLS, "temperature": 0, "max_tokens": 300} | options
    return client.chat.completions.create(model=model, messages=messages, **options)


@pytest.mark.parametrize("model, script", CASES)
def test_calls_are_told_from_text(client, model, script):
    choice = ask(client, model, script).choices[0]
    calls = choice.message.tool_calls or []
    assert [(call.function.name, json.loads(call.function.arguments)) for call in calls] == EXPECTED[script]
    assert choice.finish_reason == ("tool_calls" if calls else "stop")
    written = FORMATS[model][2][script]
    if not calls:
        assert choice.message.content == written
    else:
        assert choice.message.content == ("Let me see." if written.startswith("Let") else None)
    ids = [call.id for call in calls]
    assert len(set(ids)) == len(ids) and all(len(i) == 9 if "mistral" in model else i.startswith("call_") for i in ids)


@pytest.mark.parametrize("model, script", CASES)
def test_a_stream_is_the_answer_in_pieces(client, model, script):
    whole = ask(client, model, script).choices[0]
    calls, text, reason = [], "", None
    for chunk in ask(client, model, script, stream=True):
        delta, reason = chunk.choices[0].delta, chunk.choices[0].finish_reason
        text += delta.content or ""
        for call in delta.tool_calls or []:
            if call.id:
                assert call.index == len(calls) and call.type == "function"
                calls.append([call.id, call.function.name, ""])
            calls[call.index][2] += call.function.arguments
    assert text == (whole.message.content or "") and reason == whole.finish_reason
    assert [call[1:] for call in calls] == [[c.function.name, c.function.arguments] for c in whole.message.tool_calls or []]


def test_arguments_come_in_pieces(client):
    pieces = [
        call.function.arguments
        for chunk in ask(client, "hermes", "one", stream=True)
        for call in chunk.choices[0].delta.tool_calls or []
    ]
    assert len([piece for piece in pieces if piece]) > 3 and "".join(pieces) == ONE


def test_one_call_at_a_time_when_asked_for(client):
    for model in ["hermes", "mistral-list", "llama-two", "lfm2"]:
        choice = ask(client, model, "two", parallel_tool_calls=False).choices[0]
        assert [call.function.name for call in choice.message.tool_calls] == ["weather"]
        assert choice.finish_reason == "tool_calls"


def test_a_text_that_is_cut_short_says_so(client):
    choice = ask(client, "hermes", "two", max_tokens=20).choices[0]
    assert choice.finish_reason == "length" and choice.message.content == "Let me see."


def test_without_tools_calls_are_text(client):
    written = FORMATS["hermes"][2]["one"]
    assert ask(client, "hermes", "one", tools=openai.omit).choices[0].message.content == written
    assert ask(client, "hermes", "one", tool_choice="none").choices[0].message.content == written


def forced_tool(name, city):
    parameters = {"type": "object", "properties": {"city": city, "days": {"type": "integer"}}, "required": ["city", "days"]}
    return {"type": "function", "function": {"name": name, "parameters": parameters | {"$defs": {"town": {"enum": ["Paris", "Oslo"]}}}}}


TOWNS = [forced_tool("weather", {"enum": ["Paris", "Oslo"]}), forced_tool("rain", {"$ref": "#/$defs/town"})]


@pytest.mark.parametrize("model", ["hermes", "mistral", "mistral-named", "llama", "phi4", "lfm2", "tool_code"])
@pytest.mark.parametrize("name", ["weather", "rain", None])
def test_a_forced_call_is_made_and_fits_its_schema(client, model, name):
    choice = {"type": "function", "function": {"name": name}} if name else "required"
    for seed in range(3):
        forced = {"tools": TOWNS, "tool_choice": choice, "temperature": 1, "seed": seed, "max_tokens": 1500}
        answer = ask(client, model, "text", **forced).choices[0]
        (call,) = answer.message.tool_calls
        arguments = json.loads(call.function.arguments)
        assert set(arguments) == {"city", "days"} and arguments["city"] in ("Paris", "Oslo") and type(arguments["days"]) is int
        assert call.function.name == name or (name is None and call.function.name in ("weather", "rain"))
        assert answer.message.content is None and answer.finish_reason == "tool_calls"
        pieces = [c.choices[0].delta.tool_calls or [] for c in ask(client, model, "text", stream=True, **forced)]
        assert "".join(p.function.arguments for piece in pieces for p in piece) == call.function.arguments


def rendered(tidemill, tmp_path, model, variables):
    path = tmp_path / "template.jinja"
    path.write_text(FORMATS[model][0] + BODY)
    line = json.dumps({"bos_token": "<|start|>", "add_generation_prompt": True, **variables})
    done = tidemill.run("template", "--template", path, "--stdin-jsonl", stdin=line + "\n")
    return json.loads(done.stdout)["text"]


def test_a_conversation_with_calls_reaches_the_template(client, tool_server, tidemill, tmp_path):
    call = {"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": ONE}}
    messages = [
        {"role": "user", "content": [{"type": "text", "text": "How"}, {"type": "text", "text": "is it?"}]},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "call_1", "content": "rain"},
        {"role": "user", "content": "So?<say:text>"},
    ]
    answer = client.chat.completions.create(model="hermes", messages=messages, tools=TOOLS, temperature=0)
    assert answer.choices[0].message.content == FORMATS["hermes"][2]["text"]
    messages[0]["content"] = "How\nis it?"
    messages[1] |= {"content": "", "tool_calls": [call | {"function": {"name": "weather", "arguments": WEATHER}}]}
    text = rendered(tidemill, tmp_path, "hermes", {"messages": messages, "tools": TOOLS})
    assert "CALL call_1 weather Paris;" in text and "[tool]rain" in text and 'TOOLS [{"type": "function"' in text
    ids = tool_server.ask("POST", "/tokenize", {"model": "hermes", "content": text, "add_special": False})[2]["tokens"]
    assert answer.usage.prompt_tokens == len(ids)


@pytest.mark.parametrize(
    "fields, param",
    [
        ({"tools": 5}, "tools"), ({"tools": [5]}, "tools[0]"), ({"tools": [{"type": "x"}]}, "tools[0].type"),
        ({"tools": [{"type": "function"}]}, "tools[0].function"), ({"tools": TOOLS * 43}, "tools"),
        ({"tools": [function("a b")]}, "tools[0].function.name"), ({"tools": [function("x" * 65)]}, "tools[0].function.name"),
        ({"tools": [TOOLS[0], TOOLS[0]]}, "tools[1].function.name"), ({"tools": [function(5)]}, "tools[0].function.name"),
        ({"tools": [{"type": "function", "function": {"name": "f", "parameters": 5}}]}, "tools[0].function.parameters"),
        ({"tool_choice": "maybe"}, "tool_choice"), ({"tool_choice": 5}, "tool_choice"), ({"tool_choice": {}}, "tool_choice"),
        ({"tool_choice": {"type": "function", "function": {"name": "tea"}}}, "tool_choice"),
        ({"tool_choice": "required", "tools": []}, "tool_choice"),
        ({"tool_choice": "required", "response_format": {"type": "json_object"}}, "tool_choice"),
        ({"tool_choice": "required", "tools": [forced_tool("x", {"type": "array", "contains": {"const": 1}})]}, "tools"),
        ({"parallel_tool_calls": 1}, "parallel_tool_calls"), ({"functions": [{"name": "f"}]}, "functions"),
        ({"model": "plain"}, "tools"),
        ({"messages": [{"role": "user", "content": 5}]}, "messages[0].content"),
        ({"messages": [{"role": "user", "content": [5]}]}, "messages[0].content[0]"),
        ({"messages": [{"role": "user", "content": [{"type": "image_url"}]}]}, "messages[0].content[0].type"),
        ({"messages": [{"role": "user", "content": [{"type": "text"}]}]}, "messages[0].content[0].text"),
        ({"messages": [{"role": "assistant", "tool_calls": 5}]}, "messages[0].tool_calls"),
        ({"messages": [{"role": "assistant", "tool_calls": [5]}]}, "messages[0].tool_calls[0]"),
        ({"messages": [{"role": "assistant", "tool_calls": [{"id": "x"}]}]}, "messages[0].tool_calls[0].function"),
        ({"messages": [{"role": "assistant", "tool_calls": [{"function": {"name": "f", "arguments": "[1]"}}]}]},
         "messages[0].tool_calls[0].function.arguments"),
        ({"messages": [{"role": "user", "content": "x", **{str(key): 0 for key in range(1001)}}]}, "messages"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named(tool_server, fields, param):
    body = {"model": "hermes", "messages": [{"role": "user", "content": "x"}], "tools": TOOLS} | fields
    status, _, answer = tool_server.ask("POST", "/v1/chat/completions", body)
    assert status == 400 and answer["error"]["param"] == param, answer
