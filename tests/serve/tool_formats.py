"""Models of several families that write calls in their own ways, and what they write."""

import json

from scripted_model import write_scripted_model

# What all templates here share: tools and messages in plain sight, the last message last.
BODY = (
    "{{ bos_token }}{% if tools %}TOOLS {{ tools | tojson }}{% endif %}"
    "{% for message in messages %}[{{ message.role }}]"
    "{% for call in message.tool_calls or [] %}CALL {{ call.id }} {{ call.function.name }} {{ call.function.arguments.city }};"
    "{% endfor %}{{ message.content }}{% endfor %}"
)
WEATHER, RAIN = {"city": "Paris", "days": 2}, {"city": "Oslo \"N\" {[]}\n", "days": 1}
ONE, TWO = json.dumps(WEATHER), json.dumps(RAIN)
# Format -> what a template of its kind says, its special tokens, and what its model writes, by name of the script.
FORMATS = {
    "hermes": (
        "{# <tool_call> #}", [],
        {
            "one": f'<tool_call>\n{{"name": "weather", "arguments": {ONE}}}\n</tool_call>',
            "two": f'Let me see.\n<tool_call>\n{{"name": "weather", "arguments": {ONE}}}\n</tool_call>\n<tool_call>\n'
                   f'{{"arguments": {TWO}, "name": "rain"}}\n</tool_call>',
            "none": '<tool_call>{"name": "coffee", "arguments": {}}</tool_call> and more',
            "text": "No < tool <tool_ca needed.\n\n", "bare": '<tool_call>{"name": "now"}</tool_call>',
            "broken": "<tool_call>\nnot {json", "string": '<tool_call>{"name": "weather", "arguments": ' + json.dumps(ONE) + "}",
        },
    ),
    "mistral": (
        "{# [TOOL_CALLS] #}", ["[TOOL_CALLS]"],
        {"one": f'[TOOL_CALLS][{{"name": "weather", "arguments": {ONE}}}]'},
    ),
    "mistral-list": (
        "{# [TOOL_CALLS] #}", ["[TOOL_CALLS]"],
        {"two": f'Let me see.[TOOL_CALLS][{{"name": "weather", "arguments": {ONE}}}, {{"name": "rain", "arguments": {TWO}}}]'},
    ),
    "mistral-named": ("{# [TOOL_CALLS] #}", ["[TOOL_CALLS]", "[ARGS]"], {"one": f"[TOOL_CALLS]weather[ARGS]{ONE}"}),
    "llama": (
        '{# "parameters": dictionary #}', ["<|python_tag|>"],
        {
            "one": f'{{"name": "weather", "parameters": {ONE}}}',
            "text": '{"answer": 42} is what {you} wanted', "none": '{"name": "coffee", "parameters": {}}',
            "bare": '<|python_tag|>{"type": "function", "name": "now"}',
        },
    ),
    "llama-two": (
        '{# "parameters": dictionary #}', [],
        {"two": f'{{"name": "weather", "parameters": {ONE}}}; {{"name": "rain", "parameters": {TWO}}}'},
    ),
    "phi4": ("{# <|tool_call|> #}", ["<|tool_call|>"], {"one": f'<|tool_call|>[{{"name": "weather", "arguments": {ONE}}}]<|/tool_call|>'}),
    "lfm2": (
        "{# <|tool_list_start|> #}", ["<|tool_call_start|>", "<|tool_call_end|>"],
        {"two": "Let me see.<|tool_call_start|>[weather(city=\"Paris\", days=2), rain(city='Oslo \"N\" {[]}\\n', days=1)]<|tool_call_end|>"},
    ),
    "tool_code": (
        "{# tool_code #}", [],
        {
            "one": '```tool_code\nweather(city="Paris", days=2)\n```', "text": "```tool_code\nweather('Paris')\n``` is wrong",
            "bare": "```tool_code\nnow()\n```",
            "two": f'Let me see.\n```tool_code\n{{"name": "weather", "parameters": {ONE}}}\n```\n```tool_code\n'
                   f'{{"name": "rain", "parameters": {TWO}}}\n```',
        },
    ),
    "plain": ("{# nothing about calls #}", [], {}),
}  # fmt: skip


def function(name):
    parameters = {"type": "object", "properties": {"city": {"type": "string"}, "days": {"type": "integer"}}}
    return {"type": "function", "function": {"name": name, "description": "Tells it.", "parameters": parameters}}


TOOLS = [function("weather"), function("rain"), function("now")]


def write_models(folder):
    """Arguments of `tidemill serve` for a model of each format."""
    arguments = []
    for name, (marks, control, scripts) in FORMATS.items():
        write_scripted_model(folder / f"{name}.gguf", marks + BODY, scripts, control)
        arguments += ["--model", f"{name}={folder / name}.gguf"]
    return arguments
