"""A server of the tiny Gemma, with a chat template, for all tests that change nothing about it."""

import pathlib
import subprocess
import sys

import pytest

from server import serving
from tool_formats import write_models

TEMPLATE = (
    "{{ bos_token }}{% for message in messages %}"
    "{% if message.role not in ['user', 'assistant'] %}{{ raise_exception('roles are user and assistant') }}{% endif %}"
    "<start_of_turn>{{ message.role }}\n{{ message.content }}<end_of_turn>\n{% endfor %}"
    "{% if add_generation_prompt %}<start_of_turn>model\n{% endif %}"
)


@pytest.fixture(scope="session")
def chat_model(tiny_model, tmp_path_factory):
    """The tiny Gemma with a chat template, and with a context long enough for texts that somebody has to stop."""
    path = tmp_path_factory.mktemp("serve") / "tiny-chat.gguf"
    programs = pathlib.Path(sys.executable).parent
    for command in [
        ["gguf-new-metadata", "--chat-template", TEMPLATE, tiny_model, path],
        ["gguf-set-metadata", "--force", path, "gemma3.context_length", "32768"],
    ]:
        done = subprocess.run([programs / command[0], *command[1:]], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
    return path


@pytest.fixture(scope="session")
def server(tidemill, chat_model):
    with serving(tidemill, chat_model, "--threads", "2") as running:
        yield running


@pytest.fixture(scope="session")
def tool_server(tidemill, tmp_path_factory):
    """A server of models that call tools, one for each format."""
    models = write_models(tmp_path_factory.mktemp("tools"))
    with serving(tidemill, *models, "--threads", "1", "--max-running", "4", "--prefix-cache-mib", "1", "--ctx", "2048") as running:
        yield running
