"""OpenAI's client for Node and the WebSocket package `ws` against `tidemill serve`."""

import json
import pathlib
import shutil
import subprocess

import pytest

PACKAGES = ["openai@7.55.0", "ws@8.23.0"]
ROOT = pathlib.Path(__file__).resolve().parents[2]
SCRIPT = pathlib.Path(__file__).with_name("node_client.mjs")


@pytest.fixture(scope="module")
def found(server):
    if not shutil.which("node") or not shutil.which("npm"):
        pytest.skip("node and npm are not installed (Debian's packages nodejs and npm)")
    folder = ROOT / "build/node-clients"
    folder.mkdir(parents=True, exist_ok=True)
    installed = subprocess.run(
        ["npm", "install", "--prefix", folder, "--no-audit", "--no-fund", *PACKAGES], capture_output=True, text=True, timeout=300
    )
    if installed.returncode != 0:
        pytest.skip(f"npm cannot fetch {' and '.join(PACKAGES)}: {installed.stderr.strip()[-200:]}")
    shutil.copy(SCRIPT, folder)  # modules are looked for beside it
    done = subprocess.run(["node", folder / SCRIPT.name, server.url], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_texts_are_those_that_others_get(server, found):
    whole = server.complete(prompt="the tide mill", max_tokens=12, temperature=0)
    assert found["completion"] == found["streamed"] == whole["choices"][0]["text"]
    assert found["usage"]["completion_tokens"] == whole["usage"]["completion_tokens"]
    body = {"messages": [{"role": "user", "content": "what is a mill?"}], "max_tokens": 12, "temperature": 0}
    chat = server.ask("POST", "/v1/chat/completions", body)[2]
    assert found["chat"] == found["streamedChat"] == chat["choices"][0]["message"]["content"]
    assert found["models"] == ["tiny-chat"]


def test_a_schema_holds_and_errors_are_told(found):
    assert 1 <= found["held"]["n"] <= 9
    assert found["refused"] == {"status": 400, "param": "temperature", "isBadRequest": True}


def test_the_websocket(found):
    assert found["socket"] == {"type": "done", "text": found["completion"]}
