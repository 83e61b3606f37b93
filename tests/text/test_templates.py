"""Chat templates render what Jinja 3.1 in transformers' sandbox renders, and refuse what it refuses.

Templates of models belong to their authors; those that TIDEMILL_EXTRA_DATA names are read in place: every folder
`templates` in it, and chat.jsonl with texts to expect, which names templates beside it.
"""

import json
import os
import pathlib
import subprocess

import pytest
import template_generator
import transformers_jinja
from conversations import all_variables

HERE = pathlib.Path(__file__).parent
EXTRA = pathlib.Path(os.environ.get("TIDEMILL_EXTRA_DATA", "/nowhere"))
N_RANDOM = 1500

OWN_TEMPLATES = sorted((HERE / "templates").glob("*.jinja"))
EXTRA_TEMPLATES = sorted(EXTRA.rglob("templates/*.jinja"))


@pytest.fixture(scope="module")
def render(tidemill):
    """Renders (source, variables) pairs, all by one process."""

    def run(pairs):
        now = transformers_jinja.NOW.isoformat()
        lines = [{"template": source, "variables": json.dumps(variables), "now": now} for source, variables in pairs]
        done = subprocess.run(
            [tidemill.program.parent / "templates_tool"],
            input="".join(json.dumps(line) + "\n" for line in lines),
            capture_output=True,
            text=True,
            check=True,
        )
        answers = [json.loads(line) for line in done.stdout.split("\n") if line]
        assert len(answers) == len(lines)
        return answers

    return run


def answers_of(tidemill, *arguments, lines):
    """What the command answers to lines of JSON."""
    done = tidemill.run(*arguments, stdin="".join(json.dumps(line) + "\n" for line in lines))
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def difference(name, found, expected):
    """None, or how an answer differs from the reference; messages of errors are our own."""
    same = found == expected if "text" in expected else "error" in found
    return None if same else f"{name}:\n  found    {ascii(found)}\n  expected {ascii(expected)}"


def check(render, names, pairs):
    answers = render(pairs)
    expected = [transformers_jinja.render(*pair) for pair in pairs]
    wrong = [difference(*row) for row in zip(names, answers, expected, strict=True)]
    wrong = [text for text in wrong if text]
    assert not wrong, f"{len(wrong)} of {len(pairs)} differ; the first:\n" + "\n".join(wrong[:5])
    return expected


@pytest.mark.parametrize("path", OWN_TEMPLATES, ids=lambda path: path.stem)
def test_own_templates(render, path):
    source = path.read_text(encoding="utf-8")
    names, variables = zip(*all_variables(), strict=True)
    expected = check(render, names, [(source, given) for given in variables])
    assert any("text" in answer for answer in expected)


@pytest.mark.skipif(not EXTRA_TEMPLATES, reason="TIDEMILL_EXTRA_DATA has no templates")
@pytest.mark.parametrize("path", EXTRA_TEMPLATES, ids=lambda path: path.stem)
def test_templates_of_models(render, path):
    test_own_templates(render, path)


CHATS = sorted(EXTRA.rglob("chat.jsonl"))


@pytest.mark.skipif(not CHATS, reason="TIDEMILL_EXTRA_DATA has no chat.jsonl")
@pytest.mark.parametrize("path", CHATS, ids=lambda path: path.parent.name)
def test_expected_chats(tidemill, path):
    chats = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    wrong = []
    for template in sorted({chat["template"] for chat in chats}):
        own = [chat for chat in chats if chat["template"] == template]
        names = "messages", "tools", "add_generation_prompt", "bos_token", "eos_token", "now"
        lines = [{name: chat[name] for name in names} | chat["extra"] for chat in own]
        file = path.parent / "templates" / f"{template}.jinja"
        answers = answers_of(tidemill, "template", "--template", file, "--stdin-jsonl", lines=lines)
        wrong += [difference(f"{template}, {chat['conv']}", answer, {key: chat[key] for key in ("text", "error") if key in chat})
                  for chat, answer in zip(own, answers, strict=True)]  # fmt: skip
    wrong = [text for text in wrong if text]
    assert not wrong, f"{len(wrong)} of {len(chats)} differ:\n" + "\n".join(wrong)


def test_random_templates(render):
    sources = [template_generator.make_template(seed) for seed in range(N_RANDOM)]
    names = [f"template {seed}, {source!r}" for seed, source in enumerate(sources)]
    check(render, names, [(source, template_generator.VARIABLES) for source in sources])
