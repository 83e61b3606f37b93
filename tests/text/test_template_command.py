"""The command `tidemill template`: where it finds templates, what it answers, how it refuses."""

import json

import pytest
from gguf import GGUFWriter

PLAIN = "{{ bos_token }}{% for m in messages %}<{{ m.role }}>{{ m.content }}{{ eos_token }}{% endfor %}"
TOOLS = "with tools: {{ tools | tojson }}"
HELLO = {"messages": [{"role": "user", "content": "Hello"}]}


def render(tidemill, *arguments, lines):
    done = tidemill.run("template", *arguments, "--stdin-jsonl", stdin="".join(json.dumps(line) + "\n" for line in lines))
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def write_folder(folder, files):
    """Writes files by name: texts as they are, everything else as JSON."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return folder


def write_gguf(path, **strings):
    writer = GGUFWriter(path, "llama")
    for key, value in strings.items():
        writer.add_string(key.replace("__", "."), value)
    writer.add_token_list(["<unk>", "<s>", "</s>"])
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_pad_token_id(9)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.close()
    return path


def test_a_gguf_file_brings_its_template_and_special_tokens(tidemill, tmp_path):
    path = write_gguf(tmp_path / "a.gguf", tokenizer__chat_template=PLAIN + "{{ pad_token }}")
    assert render(tidemill, path, lines=[HELLO]) == [{"text": "<s><user>Hello</s>"}]
    assert render(tidemill, "--model", path, lines=[{**HELLO, "eos_token": "|"}]) == [{"text": "<s><user>Hello|"}]
    assert tidemill.run("template", path).stdout == PLAIN + "{{ pad_token }}"


def test_a_gguf_file_may_have_a_template_for_tools(tidemill, tmp_path):
    path = write_gguf(tmp_path / "a.gguf", tokenizer__chat_template=PLAIN, tokenizer__chat_template__tool_use=TOOLS)
    lines = [HELLO, {**HELLO, "tools": [1]}, {**HELLO, "tools": None}]
    plain = {"text": "<s><user>Hello</s>"}
    assert render(tidemill, path, lines=lines) == [plain, {"text": "with tools: [1]"}, plain]


def test_folders_by_what_they_hold(tidemill, tmp_path):
    tokens = {"bos_token": "[B]", "eos_token": {"content": "[E]", "lstrip": False}, "pad_token": None}
    named = [{"name": "tool_use", "template": TOOLS}, {"name": "default", "template": PLAIN}]
    cases = {
        "string": ({"tokenizer_config.json": {**tokens, "chat_template": PLAIN}}, "[B]<user>Hello[E]"),
        "named": ({"tokenizer_config.json": {**tokens, "chat_template": named}}, "[B]<user>Hello[E]"),
        "jinja": ({"chat_template.jinja": PLAIN}, "<user>Hello"),
        "jinja first": (
            {"chat_template.jinja": "J" + PLAIN, "tokenizer_config.json": {**tokens, "chat_template": PLAIN}},
            "J[B]<user>Hello[E]",
        ),
        "json": ({"chat_template.json": {"chat_template": PLAIN}, "special_tokens_map.json": tokens}, "[B]<user>Hello[E]"),
    }
    for name, (files, text) in cases.items():
        (tmp_path / name).mkdir()
        folder = write_folder(tmp_path / name, files)
        assert render(tidemill, folder, lines=[HELLO]) == [{"text": text}], name
    assert render(tidemill, tmp_path / "named", lines=[{**HELLO, "tools": []}]) == [{"text": "with tools: []"}]
    write_folder(tmp_path / "jinja", {"additional_chat_templates/tool_use.jinja": TOOLS})
    assert render(tidemill, tmp_path / "jinja", lines=[{**HELLO, "tools": []}]) == [{"text": "with tools: []"}]


def test_files_that_are_templates(tidemill, tmp_path):
    write_folder(tmp_path, {"a.jinja": PLAIN, "b.json": {"chat_template": PLAIN, "bos_token": "[B]"}})
    assert render(tidemill, "--template", tmp_path / "a.jinja", lines=[HELLO]) == [{"text": "<user>Hello"}]
    assert render(tidemill, "--template", tmp_path / "b.json", lines=[HELLO]) == [{"text": "[B]<user>Hello"}]


def test_one_answer_a_line_in_order(tidemill, tmp_path):
    source = "{% if n == 1 %}{{ raise_exception('not one') }}{% endif %}{{ n }} {{ z }} {{ d | tojson }} {{ strftime_now('%d.%m.%y') }}"
    path = write_folder(tmp_path, {"a.jinja": source}) / "a.jinja"
    lines = [{"n": n, "z": "é漢", "d": {"z": 1, "a": 1.50}, "now": "2026-03-04T05:06:07"} for n in range(3)]
    first, second, third = render(tidemill, "--template", path, lines=lines)
    assert first == {"text": '0 é漢 {"z": 1, "a": 1.5} 04.03.26'}
    assert second["error"].startswith(f"{path}, line 1: not one; ")
    assert third["text"].startswith("2 ")


@pytest.mark.parametrize(
    "source, line, part",
    [
        ("{{ x.y }}", {}, "'x' is undefined"),
        ("\n{{ 'a' + 1 }}", {}, "line 2: can only concatenate str"),
        ("{% for i in range(99999) %}{{ 'x' * 1000 }}{% endfor %}", {}, "longer than 4 MiB"),
        ("{{ strftime_now('%d') }}", {"now": "yesterday"}, "is not a time"),
        ("{{ n }}", {"n": 10**30}, "64 bits"),
    ],
)
def test_what_cannot_be_rendered_is_an_error_of_its_line(tidemill, tmp_path, source, line, part):
    path = write_folder(tmp_path, {"a.jinja": source}) / "a.jinja"
    [answer] = render(tidemill, "--template", path, lines=[line])
    assert part in answer["error"]


@pytest.mark.parametrize(
    "files, argument, status, part",
    [
        ({"a.jinja": "{% if %}"}, "a.jinja", 3, "a.jinja, line 1: "),
        ({"a.jinja": "\n{{ x | nope }}"}, "a.jinja", 3, "line 2: there is no filter named 'nope'"),
        ({"config.json": {}}, "", 3, "has no chat template"),
        ({"tokenizer_config.json": {"chat_template": 1}}, "", 3, "tokenizer_config.json"),
        ({"tokenizer_config.json": {"chat_template": [{"name": 1}]}}, "", 3, "tokenizer_config.json"),
        ({"tokenizer_config.json": {"chat_template": [{"name": "x", "template": "x"}]}}, "", 3, "has no chat template"),
        ({"tokenizer_config.json": "[" * 100000}, "", 3, "is not a JSON object"),
        ({"tokenizer_config.json": "[]"}, "", 3, "is not a JSON object"),
        ({}, "nothing.jinja", 3, "nothing.jinja"),
    ],
)
def test_bad_files_are_refused_in_one_line(tidemill, tmp_path, files, argument, status, part):
    done = tidemill.run("template", "--template", write_folder(tmp_path, files) / argument)
    assert done.returncode == status, done.stderr
    assert done.stderr.startswith("error: ") and done.stderr.count("\n") == 1
    assert part in done.stderr


def test_wrong_usage(tidemill, tmp_path):
    path = write_folder(tmp_path, {"a.jinja": "x"}) / "a.jinja"
    for arguments in [[], [path, "--template", path], [path, path]]:
        assert tidemill.run("template", *arguments).returncode == 2
    done = tidemill.run("template", path, "--stdin-jsonl", stdin='{"a":1}\n[1]\n')
    assert done.returncode == 3 and "line 2" in done.stderr and done.stdout == '{"text":"x"}\n'


def test_a_model_without_template_says_so(tidemill, tiny_model):
    done = tidemill.run("template", tiny_model)
    assert done.returncode == 3 and "has no chat template" in done.stderr
