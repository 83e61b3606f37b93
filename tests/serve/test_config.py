"""server_config.toml, environment and flags: one table, of which the nearest word to the user wins."""

import os
import socket
import tomllib

import pytest

from server import serving


@pytest.fixture
def config(tmp_path):
    """Writes a configuration file and gives its path."""

    def write(text):
        path = tmp_path / "server_config.toml"
        path.write_text(text)
        return path

    return write


def effective(tidemill, *arguments, env=None):
    """What all sources together come to."""
    done = tidemill.run("serve", *arguments, "--print-config", env=env)
    assert done.returncode == 0, done.stderr
    return tomllib.loads(done.stdout)


def test_flag_beats_environment_beats_file(tidemill, config):
    path = config("[server]\nport = 1111\ndrain_seconds = 11\ntimeout_seconds = 11\n")
    env = {"TIDEMILL_PORT": "2222", "TIDEMILL_DRAIN_SECONDS": "22"}
    told = effective(tidemill, "--config", path, "--port", 3333, env=env)["server"]
    assert (told["port"], told["drain_seconds"], told["timeout_seconds"]) == (3333, 22, 11)


def test_the_file_may_be_named_by_the_environment(tidemill, config):
    env = {"TIDEMILL_CONFIG": str(config("[inference]\nmax_batch_size = 7\n"))}
    assert effective(tidemill, env=env)["inference"]["max_batch_size"] == 7


@pytest.mark.parametrize("flag", ["--max-running", "--max-batch-size"])
def test_a_key_is_a_flag_and_a_variable_too(tidemill, flag):
    assert effective(tidemill, flag, 3)["inference"]["max_batch_size"] == 3
    variable = "TIDEMILL_" + flag[2:].replace("-", "_").upper()
    assert effective(tidemill, env={variable: "4"})["inference"]["max_batch_size"] == 4


def test_lists_are_replaced_as_a_whole_and_false_can_be_said(tidemill, config):
    path = config('[security]\nallow_host = ["a.example", "b.example"]\npublic = true\n')
    assert effective(tidemill, "--config", path)["security"]["allow_host"] == ["a.example", "b.example"]
    assert effective(tidemill, "--config", path, "--allow-host", "c.example")["security"]["allow_host"] == ["c.example"]
    assert effective(tidemill, "--config", path, env={"TIDEMILL_PUBLIC": "0"})["security"]["public"] is False


def test_what_is_printed_can_be_read_again_and_holds_no_key(tidemill, config):
    arguments = ["--model", 'a="b".gguf', "--port", "5", "--api-key", "alice:0123456789abcdef"]
    printed = tidemill.run("serve", *arguments, "--print-config").stdout
    assert "0123456789abcdef" not in printed
    assert effective(tidemill, "--config", config(printed)) == tomllib.loads(printed)
    assert tomllib.loads(printed)["model"]["path"] == ['a="b".gguf']


@pytest.mark.parametrize(
    "text, words",
    [
        ("[server]\n\nprot = 1\n", "line 3: 'server.prot': no such key; did you mean 'server.port'?"),
        ("[srever]\nport = 1\n", "line 1: 'srever': no such key"),
        ("port = 1\n", "line 1: 'port': no such key"),
        ("[server]\nport = '1'\n", "line 2: 'server.port' must be a whole number"),
        ("[server]\nport = 99999\n", "line 2: 'server.port': '99999' is not a whole number from 0 to 65535"),
        ("[server]\nport = true\n", "line 2: 'server.port' must be a whole number"),
        ("[server]\nhost = 1\n", "line 2: 'server.host' must be a text in quotes"),
        ("[security]\nallow_host = [1]\n", "line 2: 'security.allow_host' must be a text in quotes or a list of them"),
        ("[security]\npublic = 1\n", "line 2: 'security.public' must be true or false"),
        ("server = 5\n", "line 1: 'server' must be a table"),
        ("[server]\nport = \n", "line 2: "),
        ("[server\n", "line 1: "),
        ("a = " + "[" * 1000, "line 1: "),
        ("[server]\nport = 1\nport = 2\n", "line 3: "),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named_with_its_line(tidemill, config, text, words):
    path = config(text)
    done = tidemill.run("serve", "m.gguf", "--config", path, "--check")
    assert done.returncode == 3 and f"{path}: {words}" in done.stderr and done.stderr.count("\n") == 1


def test_a_file_that_is_not_there_or_no_text(tidemill, config, tmp_path):
    done = tidemill.run("serve", "m.gguf", "--config", tmp_path / "none.toml")
    assert done.returncode == 3 and "none.toml: cannot be read" in done.stderr
    path = config("")
    path.write_bytes(os.urandom(3000))
    assert tidemill.run("serve", "m.gguf", "--config", path).returncode == 3


def test_a_server_of_a_file(tidemill, config, tiny_model):
    path = config(f'[model]\npath = ["one={tiny_model}", "two={tiny_model}"]\nformat = "gguf"\n[server]\nmax_body_mib = 1\n')
    with serving(tidemill, "--config", path) as server:
        assert [model["id"] for model in server.ask("GET", "/v1/models")[2]["data"]] == ["one", "two"]
        assert server.ask("POST", "/tokenize", b"x" * (1 << 20 | 1))[0] == 413
    with serving(tidemill, tiny_model, "--config", path) as server:  # the argument stands for the file's models
        assert [model["id"] for model in server.ask("GET", "/v1/models")[2]["data"]] == ["model"]


def test_a_model_of_another_format_is_refused(tidemill, tiny_model):
    done = tidemill.run("serve", tiny_model, "--format", "safetensors", "--port", "0")
    assert done.returncode == 3 and "is gguf v3, not safetensors" in done.stderr
    assert tidemill.run("serve", tiny_model, "--format", "png", "--check").returncode == 2


def test_connections_beyond_the_limit_are_turned_away(tidemill, tiny_model):
    with serving(tidemill, tiny_model, "--max-connections", "3") as server:
        held = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(3)]
        with socket.create_connection(("127.0.0.1", server.port), timeout=10) as extra:
            assert extra.recv(100).startswith(b"HTTP/1.1 503 ")
        held.pop().close()
        assert any(server.ask("GET", "/health")[0] == 200 for _ in range(20))
        for connection in held:
            connection.close()
