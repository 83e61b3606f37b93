"""The command line that comes with the package, by both its names."""

import json
import pathlib
import signal
import subprocess
import sys
import time

import pytest
import tidemill

SCRIPT = pathlib.Path(sys.executable).parent / "tidemill"


@pytest.fixture(params=["module", "script"])
def command(request):
    return [sys.executable, "-m", "tidemill"] if request.param == "module" else [str(SCRIPT)]


def run(command, *arguments):
    return subprocess.run([*command, *arguments], capture_output=True, text=True, timeout=60)


def test_it_is_the_same_program(command):
    found = run(command, "--version")
    assert found.returncode == 0 and tidemill.__version__ in found.stdout


def test_it_runs_models(command, tiny_model):
    found = run(command, "run", str(tiny_model), "--prompt", "The tide", "-n", "3", "--temperature", "0", "--json")
    assert found.returncode == 0 and len(json.loads(found.stdout)["ids"]) == 3


def test_exit_status_and_error_are_its_own(command):
    found = run(command, "run", "/nowhere.gguf", "--prompt", "x")
    assert found.returncode in (2, 3) and found.stderr.startswith("error: ") and found.stderr.count("\n") == 1


def test_signals_are_its_own(command, tiny_model):
    process = subprocess.Popen([*command, "run", str(tiny_model), "--prompt", "x", "-n", "1000000"], stdout=subprocess.PIPE)
    process.stdout.read(1)
    time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=20) in (0, 130)  # 0: it was at its end
