"""Conversations of many shapes: what chat templates are given, and some of what they should refuse."""

TOOLS = [
    {
        "type": "function",
        "function": {
            "name": "get_weather",
            "description": "The weather in a city; \"now\" or later\nin two lines.",
            "parameters": {
                "type": "object",
                "properties": {
                    "city": {"type": "string", "description": "Name of the city, e.g. 'Zürich'"},
                    "unit": {"type": "string", "enum": ["celsius", "fahrenheit"], "default": "celsius"},
                    "days": {"type": ["integer", "null"], "minimum": 0, "maximum": 14},
                    "where": {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "number"}}]},
                },
                "required": ["city"],
            },
            "return": {"type": "string", "description": "A sentence"},
        },
    },
    {"type": "function", "function": {"name": "nothing", "description": "", "parameters": {"type": "object", "properties": {}}}},
]


def message(role, content, **more):
    return {"role": role, "content": content, **more}


def call(name, arguments, identity="abcdef123"):
    return {"id": identity, "type": "function", "function": {"name": name, "arguments": arguments}}


SYSTEM = message("system", "You are a helpful assistant.")
USER = message("user", "What's the weather in Lyon?")
REPLY = message("assistant", "It is sunny.")
MORE = message("user", "And tomorrow?")
WEATHER = call("get_weather", {"city": "Lyon", "days": 2, "where": [1.5, 2]})
RESULT = message("tool", '{"temperature": 21.5}', name="get_weather", tool_call_id="abcdef123")
PARTS = [{"type": "text", "text": "What is in "}, {"type": "image"}, {"type": "text", "text": "this image?"}]
STRANGE = "<|im_start|>é漢字🎉 \u2028<b>&\"'\\\n\n  {{ x }} {% if %}\t\x00\x7f\u00a0 "

CONVERSATIONS = {
    "empty": [],
    "system alone": [SYSTEM],
    "user": [USER],
    "system, user": [SYSTEM, USER],
    "developer": [message("developer", "Be brief."), USER],
    "turns": [USER, REPLY, MORE],
    "system, turns": [SYSTEM, USER, REPLY, MORE, REPLY, USER],
    "ends with a reply": [SYSTEM, USER, REPLY],
    "two users": [USER, MORE],
    "begins with a reply": [REPLY, USER],
    "late system": [USER, REPLY, SYSTEM, MORE],
    "unknown role": [USER, message("critic", "No.")],
    "empty contents": [message("system", ""), message("user", ""), message("assistant", "")],
    "spaces": [message("system", "  a \n"), message("user", "\n b  "), message("assistant", " \n c \n "), message("user", " d ")],
    "strange": [message("system", STRANGE), message("user", STRANGE), message("assistant", STRANGE), message("user", STRANGE)],
    "no content": [USER, {"role": "assistant"}],
    "null content": [USER, message("assistant", None), MORE],
    "parts": [message("user", PARTS)],
    "parts everywhere": [message("system", PARTS[:1]), message("user", PARTS), message("assistant", PARTS[:1]), message("user", PARTS[1:])],
    "image by address": [message("user", [{"type": "image_url", "image_url": {"url": "x.png"}}, {"type": "text", "text": "?"}])],
    "audio and video": [message("user", [{"type": "video"}, {"type": "audio"}, {"type": "input_audio"}, {"type": "text", "text": "?"}])],
    "call": [USER, message("assistant", None, tool_calls=[WEATHER]), RESULT],
    "call, answered": [SYSTEM, USER, message("assistant", "", tool_calls=[WEATHER]), RESULT, REPLY, MORE],
    "call, without content": [USER, {"role": "assistant", "tool_calls": [WEATHER]}, RESULT, REPLY],
    "call, arguments as text": [USER, message("assistant", "", tool_calls=[call("get_weather", '{"city": "Lyon"}')]), RESULT],
    "two calls": [USER, message("assistant", "Let me see.", tool_calls=[WEATHER, call("nothing", {}, "xyz987654")]), RESULT,
                  message("tool", "", name="nothing", tool_call_id="xyz987654"), REPLY, MORE],
    "bare call": [USER, message("assistant", "", tool_calls=[WEATHER["function"]]), RESULT, REPLY],
    "result in parts": [USER, message("assistant", "", tool_calls=[WEATHER]), {**RESULT, "content": [{"type": "text", "text": "warm"}]}],
    "result as object": [USER, message("assistant", "", tool_calls=[WEATHER]), {**RESULT, "content": {"temperature": 21.5}}],
    "no calls": [USER, message("assistant", "Fine.", tool_calls=[]), MORE],
    "thinking": [USER, message("assistant", "<think>\nIt is summer.\n</think>\n\nSunny."), MORE],
    "thinking apart": [USER, message("assistant", "Sunny.", reasoning_content="It is summer.", thinking="Summer.", reasoning="S."), MORE],
    "thinking, calls": [USER, message("assistant", "", reasoning_content="Look it up.", thinking="Look.", tool_calls=[WEATHER]), RESULT,
                        message("assistant", "Sunny.", reasoning_content="Done.", thinking="Done."), MORE],
    "unfinished thinking": [USER, message("assistant", "<think>\nIt is")],
    "ipython": [USER, message("assistant", "<|python_tag|>1+1"), message("ipython", "2")],
    "names": [message("user", "Hello", name="Ann"), message("assistant", "Hi", name="Bo", recipient="all"), message("user", "Bye", name="Cy")],
    "long": [SYSTEM] + [USER, REPLY] * 20 + [MORE],
}  # fmt: skip

SETTINGS = [
    {"tools": None, "add_generation_prompt": True},
    {"tools": None, "add_generation_prompt": False},
    {"tools": TOOLS, "add_generation_prompt": True},
    {"add_generation_prompt": True, "enable_thinking": False, "thinking": False, "keep_cot": True, "reasoning_effort": "low"},
    {"tools": TOOLS, "add_generation_prompt": True, "enable_thinking": True, "thinking": True, "clear_thinking": False,
     "documents": [{"title": "A", "text": "Of tides."}], "builtin_tools": ["web_search"], "xml_tools": TOOLS,
     "continue_final_message": False, "date_string": "1 Jan 2026", "custom_tools": TOOLS,
     "functions": "[]", "datetime": "2026-03-04"},
]  # fmt: skip


def all_variables():
    """Every conversation with all settings: (name, variables of the template)."""
    for name, messages in CONVERSATIONS.items():
        for number, settings in enumerate(SETTINGS):
            yield f"{name}, {number}", {"messages": messages, "bos_token": "<s>", "eos_token": "</s>", **settings}
