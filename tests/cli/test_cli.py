"""The command line as its users and their scripts meet it: help, errors, exit status, JSON."""

import json
import math
import os
import pathlib
import pty
import signal
import subprocess
import time

import numpy as np
import pytest

COMMANDS = ["run", "serve", "tokenize", "logits", "perplexity", "info", "bench", "convert", "models"]
GREEDY = ["--temperature", "0", "--ignore-eos"]


def expect_error(done, status, *fragments):
    """One line on stderr that begins with `error: `, nothing that looks like a crash."""
    assert done.returncode == status, done.stderr
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 1 and lines[0].startswith("error: "), done.stderr
    assert len(lines[0]) <= 500 and lines[0].isprintable()
    for fragment in fragments:
        assert fragment in lines[0]


def test_help_starts_with_examples(tidemill):
    for arguments in [["--help"], *([command, "--help"] for command in COMMANDS)]:
        done = tidemill.run(*arguments)
        assert done.returncode == 0 and not done.stderr
        assert done.stdout.index("Examples:") < done.stdout.index("Usage:")
    overview = tidemill.run("--help").stdout
    assert all(f"\n  {command} " in overview for command in COMMANDS)


def test_no_command_shows_the_overview_and_fails(tidemill):
    done = tidemill.run()
    assert done.returncode == 2 and not done.stdout and "Commands:" in done.stderr


def test_version(tidemill):
    assert tidemill.run("--version").stdout.startswith("tidemill ")


@pytest.mark.parametrize(
    "arguments, fragments",
    [
        (["rum"], ["'rum'", "did you mean 'run'?"]),
        (["run", "--tmperature", "1"], ["--tmperature", "did you mean '--temperature'?"]),
        (["run"], ["model"]),
        (["run", "a", "b"], ["at most 1"]),
        (["run", "x", "--temperature"], ["needs a value"]),
        (["run", "x", "--temperature", "warm"], ["'warm'", "number from 0 to 100"]),
        (["run", "x", "--top-p", "1.5"], ["--top-p"]),
        (["run", "x", "-n", "1e3"], ["whole number"]),
        (["run", "x", "--logit-bias", "7:1"], ["ID=NUMBER"]),
        (["run", "x", "--speculate", "much"], ["--speculate", "auto"]),
        (["run", "x", "--speculate", "16"], ["--speculate", "15"]),
        (["run", "x", "--json=1"], ["takes no value"]),
        (["models", "x"], ["no arguments"]),
        (["logits", "x"], ["--ids-file"]),
    ],
)
def test_wrong_usage(tidemill, arguments, fragments):
    expect_error(tidemill.run(*arguments), 2, *fragments)


def test_control_characters_never_reach_the_terminal(tidemill):
    expect_error(tidemill.run("run", "evil\x1b[31m\nname", "--prompt", "x"), 3, "no such file")


def test_a_model_that_is_not_there(tidemill, tmp_path):
    expect_error(tidemill.run("run", "gemma", "--prompt", "x", env={"TIDEMILL_HOME": str(tmp_path)}), 3, "gemma")
    (tmp_path / "models").mkdir()
    (tmp_path / "models/gemma3-270m.gguf").touch()
    done = tidemill.run("run", "gemma3-27om", "--prompt", "x", env={"TIDEMILL_HOME": str(tmp_path)})
    expect_error(done, 3, "did you mean 'gemma3-270m'?")


def test_files_that_are_no_models(tidemill, tmp_path):
    (tmp_path / "empty.gguf").touch()
    (tmp_path / "text.gguf").write_text("not a model at all, just some words\n" * 10)
    for name in ["empty.gguf", "text.gguf", "."]:
        expect_error(tidemill.run("run", tmp_path / name, "--prompt", "x"), 3)
        expect_error(tidemill.run("info", tmp_path / name), 3)


def test_run_prints_text_on_stdout_and_speed_on_stderr(tidemill, tiny_model):
    done = tidemill.run("run", tiny_model, "--prompt", "the", "-n", 5, "--seed", 1)
    assert done.returncode == 0 and done.stdout.endswith("\n")
    assert "tokens/s" in done.stderr and "\x1b" not in done.stderr


def test_run_json(tidemill, tiny_model):
    result = tidemill.json("run", tiny_model, "--prompt", "the hat", "-n", 6, *GREEDY)
    assert len(result["ids"]) == 6 and result["finish_reason"] == "length"
    assert result["usage"]["completion_tokens"] == 6
    assert result["usage"]["total_tokens"] == result["usage"]["prompt_tokens"] + 6
    assert set(result["timings"]) == {"load_ms", "ttft_ms", "prefill_tok_s", "decode_tok_s"}
    assert result["peak_rss_bytes"] > 1e6


def test_run_tells_the_memory_planned_and_used(tidemill, tiny_model):
    done = tidemill.run("run", tiny_model, "--prompt", "the hat", "-n", 6, "--memory", "--ctx", 64, *GREEDY)
    planned, used = done.stderr.split("planned for a context of 64 tokens")[1].split("used for ")
    for what in ("weights", "state", "activations"):
        assert what in planned and what in used
    assert "tokenizer" in planned and "process" in used


def test_run_keeps_prompts_on_disk(tidemill, tiny_model, tmp_path):
    words = ["run", tiny_model, "--prompt", "the hat and the cat", "-n", 6, *GREEDY]
    plain = tidemill.json(*words)
    for path in [f"{tmp_path}/file", f"{tmp_path}/states/"]:
        first, second = (tidemill.json(*words, "--prompt-cache", path) for _ in range(2))
        assert first["ids"] == second["ids"] == plain["ids"]
        assert first["usage"]["cached_tokens"] == 0
        assert second["usage"]["cached_tokens"] == second["usage"]["prompt_tokens"] - 1
    (tmp_path / "file").write_text("not a state")
    done = tidemill.run(*words, "--prompt-cache", tmp_path / "file")
    assert done.returncode == 0 and "note: " in done.stderr
    assert (tmp_path / "file").read_text() == "not a state"


def test_run_reads_the_prompt_from_standard_input(tidemill, tiny_model):
    expected = tidemill.json("run", tiny_model, "--prompt", "the hat", "-n", 4, *GREEDY)["ids"]
    for arguments in [["--prompt", "-"], []]:
        assert tidemill.json("run", tiny_model, *arguments, "-n", 4, *GREEDY, stdin="the hat")["ids"] == expected


def test_the_model_may_be_named_by_flag_or_environment(tidemill, tiny_model):
    expected = tidemill.json("run", tiny_model, "--prompt", "a", "-n", 3, *GREEDY)["ids"]
    assert tidemill.json("run", "--model", tiny_model, "--prompt=a", "-n", 3, *GREEDY)["ids"] == expected
    env = {"TIDEMILL_MODEL": str(tiny_model), "TIDEMILL_THREADS": "1"}
    assert tidemill.json("run", "--prompt", "a", "-n", 3, *GREEDY, env=env)["ids"] == expected
    expect_error(tidemill.run("run", tiny_model, "--model", tiny_model), 2, "given twice")


def test_the_same_seed_gives_the_same_text_for_any_threads(tidemill, tiny_model):
    def ids(seed, threads):
        arguments = ["--prompt", "in the end", "-n", 20, "--seed", seed, "--threads", threads, "--ignore-eos"]
        return tidemill.json("run", tiny_model, *arguments)["ids"]

    assert ids(1, 1) == ids(1, 2) == ids(1, 5)
    assert ids(1, 1) != ids(2, 1)


def test_stop_strings(tidemill, tiny_model):
    arguments = ["run", tiny_model, "--prompt", "the", "-n", 40, "--seed", 11, "--temperature", 1, "--ignore-eos"]
    text = tidemill.json(*arguments)["text"]
    stop = text[3:6]
    stopped = tidemill.json(*arguments, "--stop", "never occurs", "--stop", stop)
    assert stopped["text"] == text[: text.index(stop)] and stopped["finish_reason"] == "stop"


def test_logit_bias_forces_and_bans(tidemill, tiny_model):
    arguments = ["run", tiny_model, "--prompt", "the", "-n", 3, *GREEDY]
    assert tidemill.json(*arguments, "--logit-bias", "270=1000")["ids"] == [270] * 3
    first = tidemill.json(*arguments)["ids"][0]
    assert first not in tidemill.json(*arguments, "--logit-bias", f"{first}=-1000")["ids"]


def test_a_prompt_longer_than_the_context(tidemill, tiny_model):
    done = tidemill.run("run", tiny_model, "--prompt", "x" * 50, "--ctx", 8)
    expect_error(done, 1, "51 tokens", "context holds 8", "--ctx")
    result = tidemill.json("run", tiny_model, "--prompt", "x", "--ctx", 8, *GREEDY)
    assert result["finish_reason"] == "context_full"
    expect_error(tidemill.run("run", tiny_model, "--prompt", "x", "--ctx", 99999), 2, "99999")


def test_logits_top_and_all_agree(tidemill, tiny_model):
    ids = [2, 270, 265, 280]
    rows = np.array(tidemill.logits(tiny_model, ids)["logits"])
    assert rows.shape[0] == len(ids)
    logprobs = rows - np.log(np.exp(rows - rows.max(1, keepdims=True)).sum(1, keepdims=True)) - rows.max(1, keepdims=True)
    for row, top in zip(logprobs, tidemill.logits(tiny_model, ids, "--top", 3)["top"]):
        assert top["ids"] == list(np.argsort(-row, kind="stable")[:3])
        np.testing.assert_allclose(top["logprobs"], row[top["ids"]], atol=1e-5)


@pytest.mark.parametrize(
    "content, fragment",
    [
        ("", "ids"), ("[1,2]", "ids"), ('{"ids":7}', "ids"), ('{"ids":[]}', "empty"), ('{"ids":[1,-2]}', "ids[1]"),
        ('{"ids":[1.5]}', "ids[0]"), ('{"ids":["a"]}', "ids[0]"), ('{"ids":[99999999999]}', "ids[0]"),
    ],
)  # fmt: skip
def test_bad_ids_files(tidemill, tiny_model, content, fragment):
    expect_error(tidemill.run("logits", tiny_model, "--ids-file", "-", "--json", stdin=content), 3, fragment)


def test_ids_outside_the_vocabulary(tidemill, tiny_model):
    done = tidemill.run("logits", tiny_model, "--ids-file", "-", "--json", stdin='{"ids":[2,100000]}')
    assert done.returncode == 2 and "100000" in done.stderr


def test_perplexity_is_the_mean_of_the_logits_own_probabilities(tidemill, tiny_model, tmp_path):
    text = tmp_path / "text.txt"
    text.write_text("in the end, the hat and the sand")
    result = tidemill.json("perplexity", tiny_model, "--file", text)
    ids = json.loads(tidemill.run("tokenize", "--tokenizer", tiny_model, "--stdin-jsonl",
                                  stdin=json.dumps({"text": text.read_text(), "add_special_tokens": True})).stdout)["ids"]
    rows = np.array(tidemill.logits(tiny_model, ids)["logits"])
    logprobs = rows - np.log(np.exp(rows).sum(1, keepdims=True))
    nll = -np.mean([logprobs[i, ids[i + 1]] for i in range(len(ids) - 1)])
    assert result["tokens"] == len(ids) - 1
    assert math.isclose(result["nll"], nll, rel_tol=1e-4) and math.isclose(result["perplexity"], math.exp(nll), rel_tol=1e-3)


def test_perplexity_cuts_long_texts_into_windows(tidemill, tiny_model, tmp_path):
    text = tmp_path / "text.txt"
    text.write_text("the rain in the end " * 40)
    result = tidemill.json("perplexity", tiny_model, "--file", text, "--ctx", 16)
    assert result["tokens"] > 100
    text.write_text("")
    expect_error(tidemill.run("perplexity", tiny_model, "--file", text), 3, "too short")
    expect_error(tidemill.run("perplexity", tiny_model, "--file", tmp_path / "none.txt"), 3, "none.txt")


def test_info(tidemill, tiny_model):
    info = tidemill.json("info", tiny_model, "--ctx", 100, "--batch", 2)
    assert info["architecture"] == "gemma3" and info["runnable"]
    assert info["parameters"] == sum(math.prod(tensor["shape"]) for tensor in info["tensors"])
    # Batch, positions in whole pages, layers, keys and values, width, f32 as the weights.
    assert info["memory"]["state_bytes"] == 2 * 128 * 3 * 2 * 40 * 4
    shown = tidemill.run("info", tiny_model, "--tensors").stdout
    assert "gemma3" in shown and "blk.2.ffn_down.weight" in shown


def test_info_tells_why_a_model_cannot_run(tidemill, tiny_model, tmp_path):
    other = tmp_path / "other.gguf"
    other.write_bytes(tiny_model.read_bytes().replace(b"\x06\0\0\0\0\0\0\0gemma3", b"\x06\0\0\0\0\0\0\0gemma9", 1))
    info = tidemill.json("info", other)
    assert not info["runnable"] and "gemma9" in info["why_not_runnable"]
    expect_error(tidemill.run("run", other, "--prompt", "x"), 3, "gemma9", "--architectures")


def test_bench(tidemill, tiny_model):
    result = tidemill.json("bench", tiny_model, "--prompt-tokens", 16, "--gen-tokens", 4, "--batch", 3, "--threads", 2)
    assert all(result[key] > 0 for key in ("prefill_tok_s", "decode_tok_s", "load_s", "peak_rss_bytes"))


def test_bench_guessing_ahead(tidemill, tiny_model, tmp_path):
    text = tmp_path / "text"
    text.write_text("the cat and the hat and the cat and the hat")
    words = ["bench", tiny_model, "--text", text, "--gen-tokens", 40]
    assert tidemill.json(*words)["draft_tokens"] == 0
    result = tidemill.json(*words, "--speculate", 4)
    assert 0 <= result["accepted_tokens"] <= result["draft_tokens"] and result["draft_tokens"] > 0
    refused = tidemill.run(*words, "--speculate", 4, "--batch", 2)
    assert refused.returncode == 2 and "--batch" in refused.stderr


def test_guessing_ahead_changes_no_token(tidemill, tiny_model):
    words = ["run", tiny_model, "--prompt", "the cat the cat the", "-n", 50, "--ignore-eos", "--seed", 4]
    plain, guessed = (tidemill.json(*words, "--speculate", how) for how in ("off", "15"))
    assert plain["ids"] == guessed["ids"] and plain["usage"]["draft_tokens"] == 0
    assert guessed["usage"]["draft_tokens"] > 0


def test_bench_says_where_the_time_went(tidemill, tiny_model):
    words = ["bench", tiny_model, "--prompt-tokens", 16, "--gen-tokens", 4, "--threads", 1]
    assert "profile" not in tidemill.json(*words)
    profile = tidemill.json(*words, "--profile")["profile"]
    assert all(value > 0 for value in profile["roofs"].values())
    assert (profile["prefill"]["tokens"], profile["decode"]["tokens"]) == (16, 4)
    for phase in ("prefill", "decode"):
        rows = profile[phase]["rows"]
        assert 0 < sum(row["seconds"] for row in rows) < profile[phase]["seconds"]
        assert {"attn_q+attn_k+attn_v", "ffn_gate+ffn_up", "ffn_down", "token_embd"} <= {row["weights"] for row in rows}
        assert all(row["calls"] > 0 and row["bytes_read"] > 0 and row["roof_share"] > 0 for row in rows)
    table = tidemill.run(*words, "--profile").stdout
    assert "prefill: 16 tokens" in table and "decode: 4 tokens" in table and "matmul ffn_down" in table


def test_models(tidemill, tiny_model, tmp_path):
    env = {"TIDEMILL_HOME": str(tmp_path)}
    assert tidemill.json("models", env=env) == {"models": []}
    (tmp_path / "models").mkdir()
    (tmp_path / "models/tiny.gguf").symlink_to(tiny_model)
    (listed,) = tidemill.json("models", env=env)["models"]
    assert listed["name"] == "tiny" and listed["size_bytes"] == tiny_model.stat().st_size
    assert tidemill.run("run", "tiny", "--prompt", "a", "-n", 2, env=env).returncode == 0
    assert tidemill.run("convert", "tiny", tmp_path / "models/packed.tmill", env=env).returncode == 0
    folder = pathlib.Path(__file__).parents[1] / "golden/models/llama-gqa-untied"
    (tmp_path / "models/folder").symlink_to(folder)
    listed = {model["name"]: model["size_bytes"] for model in tidemill.json("models", env=env)["models"]}
    assert list(listed) == ["folder", "packed", "tiny"] and listed["folder"] > (folder / "model.safetensors").stat().st_size
    assert tidemill.run("run", "packed", "--prompt", "a", "-n", 2, env=env).returncode == 0


def test_not_enough_memory_is_an_error_of_its_own(tidemill, gemma_model):
    limit = ["prlimit", "--as=400000000"]
    done = subprocess.run([*limit, tidemill.program, "run", gemma_model, "--prompt", "x"], capture_output=True, text=True)
    expect_error(done, 4, "memory")


def test_an_int8_state_costs_little(tidemill, gemma_model, tiny_model, tmp_path):
    text = tmp_path / "text"
    text.write_text((pathlib.Path(__file__).parents[2] / "docs/architecture.md").read_text(encoding="utf-8")[:8000], encoding="utf-8")
    loss = {
        state: tidemill.json("perplexity", gemma_model, "--file", text, "--state", state)["perplexity"]
        for state in ("f16", "int8")
    }
    assert loss["f16"] != loss["int8"] < 1.01 * loss["f16"]
    expect_error(tidemill.run("run", tiny_model, "--prompt", "x", "--state", "int8"), 3, "int8", "40", "f16")
    expect_error(tidemill.run("run", tiny_model, "--prompt", "x", "--state", "int9"), 2, "int9", "int8")


@pytest.mark.parametrize("isa", ["abacus", ""])
def test_isa_by_environment(tidemill, tiny_model, isa):
    done = tidemill.run("run", tiny_model, "--prompt", "x", "-n", 1, env={"TIDEMILL_ISA": isa})
    if isa:
        expect_error(done, 2, "abacus")
    else:
        assert done.returncode == 0


def test_ctrl_c_ends_cleanly_with_what_was_written(tidemill, gemma_model):
    process = subprocess.Popen(
        [tidemill.program, "run", gemma_model, "--prompt", "Once upon a time", "--ignore-eos", "--temperature", "0"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    written = process.stdout.read(20)
    process.send_signal(signal.SIGINT)
    rest, errors = process.communicate(timeout=30)
    assert process.returncode == 130
    assert (written + rest).endswith(b"\n") and b"tokens/s" in errors


def test_a_terminal_sees_progress_and_a_conversation(tidemill, tiny_model):
    controller, terminal = pty.openpty()
    process = subprocess.Popen([tidemill.program, "run", tiny_model, "-n", "4"], stdin=terminal, stdout=terminal,
                               stderr=terminal, close_fds=True)  # fmt: skip
    os.close(terminal)
    os.write(controller, b"the hat\n")
    seen, deadline = b"", time.monotonic() + 60
    while b"tokens/s" not in seen and time.monotonic() < deadline:
        seen += os.read(controller, 4096)
    os.write(controller, b"\x04")
    while True:
        try:
            piece = os.read(controller, 4096)
        except OSError:  # the terminal is closed
            break
        if not piece:
            break
        seen += piece
    assert process.wait(timeout=30) == 0
    assert b"loading" in seen and b"tokens/s" in seen
