"""What all Python tests share: the built program and models to try it on."""

import json
import os
import pathlib
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[1]
GOLDEN = ROOT / "tests/golden"
# Of a model that is made to chat for tests.
TEMPLATE = (
    "{{ bos_token }}{% for message in messages %}"
    "{% if message.role not in ['user', 'assistant'] %}{{ raise_exception('roles are user and assistant') }}{% endif %}"
    "<start_of_turn>{{ message.role }}\n{{ message.content }}<end_of_turn>\n{% endfor %}"
    "{% if add_generation_prompt %}<start_of_turn>model\n{% endif %}"
)


class Tidemill:
    """The command line, run as a user runs it."""

    def __init__(self, program):
        self.program = program

    def run(self, *arguments, stdin="", env=None, timeout=300):
        """The finished process; stdout and stderr are bytes when `stdin` is bytes, else text."""
        return subprocess.run(
            [self.program, *map(str, arguments)],
            input=stdin,
            capture_output=True,
            text=not isinstance(stdin, bytes),
            env={**os.environ, **(env or {})},
            timeout=timeout,
        )

    def json(self, *arguments, **options):
        done = self.run(*arguments, "--json", **options)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def logits(self, model, ids, *arguments, **options):
        """`tidemill logits` for a list of ids."""
        return self.json("logits", model, "--ids-file", "-", *arguments, stdin=json.dumps({"ids": list(ids)}), **options)


@pytest.fixture(scope="session")
def tidemill():
    program = pathlib.Path(os.environ.get("TIDEMILL_BUILD", ROOT / "build/release")) / "tidemill"
    assert program.exists(), f"{program} is not built; run ./dev build"
    return Tidemill(program)


@pytest.fixture(scope="session")
def tiny_model():
    """A tiny random Gemma 3 with a tokenizer, made by scripts/golden/make_gemma3.py."""
    return GOLDEN / "gemma3/model.gguf"


@pytest.fixture(scope="session")
def chat_model(tiny_model, tmp_path_factory):
    """The tiny Gemma with a chat template, and with a context long enough for texts that somebody has to stop."""
    path = tmp_path_factory.mktemp("chat") / "tiny-chat.gguf"
    programs = pathlib.Path(sys.executable).parent
    for command in [
        ["gguf-new-metadata", "--chat-template", TEMPLATE, tiny_model, path],
        ["gguf-set-metadata", "--force", path, "gemma3.context_length", "32768"],
    ]:
        done = subprocess.run([programs / command[0], *command[1:]], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
    return path


@pytest.fixture(scope="session")
def gemma_model():
    """The real Gemma 3 270M; tests that need it are skipped where it has not been fetched."""
    path = os.environ.get("TIDEMILL_MODEL_GEMMA", "")
    if not path or not pathlib.Path(path).exists():
        pytest.skip("TIDEMILL_MODEL_GEMMA names no file; ./dev test fetches Gemma 3 270M")
    return pathlib.Path(path)
