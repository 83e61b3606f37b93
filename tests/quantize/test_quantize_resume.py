"""`tidemill quantize --resume FOLDER`: ended at any moment, the same command goes on from what is finished, and comes to
the same bytes."""

import json
import os
import pathlib
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from small_llama import random_llama

TESTS = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(TESTS / "cli"))
from test_cli import expect_error  # noqa: E402


@pytest.fixture(scope="session")
def model_and_text(tmp_path_factory):
    folder = tmp_path_factory.mktemp("resumed")
    random_llama(folder / "model.gguf", n_layers=6)
    words = ["tide", "mill", "grinds", "the", "corn", "of", "seven", "villages", "when", "water", "falls"]
    text = " ".join(words[i] for i in np.random.default_rng(3).integers(0, len(words), 900))
    (folder / "text.txt").write_text(text, encoding="utf-8")
    return folder / "model.gguf", folder / "text.txt"


@pytest.mark.parametrize("words", [["--bits", "4"], ["--method", "gptq", "--bits", "3"], ["--method", "awq"]])
def test_the_bytes_are_the_same_whenever_it_was_ended(tidemill, tmp_path, model_and_text, words):
    model, text = model_and_text
    command = ["quantize", model, tmp_path / "out.gguf", "--calibration", text, *words]
    begun = time.monotonic()
    tidemill.json(*command)
    whole, seconds = (tmp_path / "out.gguf").read_bytes(), time.monotonic() - begun
    (tmp_path / "out.gguf").unlink()
    resumed = [str(word) for word in [tidemill.program, *command, "--resume", tmp_path / "work"]]
    for share in (0.15, 0.5, 0.7, 0.85):
        process = subprocess.Popen(resumed, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(share * seconds)
        os.kill(process.pid, signal.SIGKILL)
        process.wait(timeout=60)
        if process.returncode == 0:
            break
        if (tmp_path / "out.gguf").exists():  # ended behind its last step
            assert (tmp_path / "out.gguf").read_bytes() == whole
    if process.returncode != 0:
        assert subprocess.run(resumed, capture_output=True).returncode == 0
    assert (tmp_path / "out.gguf").read_bytes() == whole
    assert not (tmp_path / "work").exists()


def run_to_the_last_step(tidemill, *command, out):
    """All is quantised, and nowhere to write it: the folder of `out` goes away meanwhile."""
    work = pathlib.Path(command[command.index("--resume") + 1])
    out.parent.mkdir()
    process = subprocess.Popen([str(word) for word in [tidemill.program, *command]], stderr=subprocess.PIPE, text=True)
    until = time.monotonic() + 60
    while not list(work.glob("*.codes")) and time.monotonic() < until:
        time.sleep(0.01)
    out.parent.rmdir()
    assert out.name in process.communicate(timeout=60)[1] and process.returncode == 3


def test_what_was_finished_is_not_done_again(tidemill, tmp_path, model_and_text):
    model, text = model_and_text
    out = tmp_path / "gone/out.gguf"
    command = ["quantize", model, out, "--calibration", text, "--resume", tmp_path / "work"]
    run_to_the_last_step(tidemill, *command, out=out)
    kept = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "work").iterdir()}
    assert "plan.json" in kept and sum(name.endswith(".codes") for name in kept) == 44
    assert tidemill.run(*command).returncode == 3
    assert {path.name: path.stat().st_mtime_ns for path in (tmp_path / "work").iterdir()} == kept


def test_what_killed_processes_were_writing_is_removed(tidemill, tmp_path, model_and_text):
    """A temporary file before anything was begun, and one beside what is finished."""
    model, text = model_and_text
    out, work = tmp_path / "gone/out.gguf", tmp_path / "work"
    command = ["quantize", model, out, "--calibration", text, "--resume", work]
    work.mkdir()
    (work / ".tidemill-1-0.tmp").write_bytes(b"half")
    run_to_the_last_step(tidemill, *command, out=out)
    (work / ".tidemill-2-7.tmp").write_bytes(b"half")
    out.parent.mkdir()
    assert tidemill.run(*command).returncode == 0
    assert out.exists() and not work.exists()


def test_damage_is_done_anew_and_other_work_refused(tidemill, tmp_path, model_and_text):
    model, text = model_and_text
    base = ["--calibration", text, "--resume", tmp_path / "work"]
    tidemill.json("quantize", model, tmp_path / "truth.gguf", "--calibration", text)
    gone = tmp_path / "gone/out.gguf"
    run_to_the_last_step(tidemill, "quantize", model, gone, *base, out=gone)
    codes = tmp_path / "work/blk.1.ffn_up.weight.codes"
    damaged = bytearray(codes.read_bytes())
    damaged[100] ^= 4
    codes.write_bytes(damaged)
    (tmp_path / "work/blk.2.ffn_up.weight.codes").write_bytes(b"short")
    plan = json.loads((tmp_path / "work/plan.json").read_text())
    plan["plan"]["formats"]["blk.3.ffn_up.weight"] = "nonsense"
    (tmp_path / "work/plan.json").write_text(json.dumps(plan))
    expect_error(tidemill.run("quantize", model, tmp_path / "out.gguf", *base, "--bits", "3.9"), 2, "work", "options")
    assert tidemill.run("quantize", model, tmp_path / "out.gguf", *base).returncode == 0
    assert (tmp_path / "out.gguf").read_bytes() == (tmp_path / "truth.gguf").read_bytes()
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/notes.txt").write_text("mine")
    done = tidemill.run("quantize", model, tmp_path / "out.gguf", "--resume", tmp_path / "mine")
    expect_error(done, 2, "mine", "other files")
