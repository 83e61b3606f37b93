"""Rotary embeddings that change with the length of a text (longrope, dynamic), against transformers.

A prompt has the keys of its length, however it is cut into passes; what follows it has those of the length so far. Where
longrope's keys change all at once, what is held is read anew, so that scores are those of a fresh prompt; dynamic
embeddings leave the keys that are there as they are. `steps` are the reference's scores of this.
"""

import json

import gguf_of_model
import numpy as np
import pytest
from test_models import MODELS, cases_of, expect_greedy, expect_logits, folders_of, isas, with_config  # noqa: F401

FOLDERS = folders_of("by-length")
LONGROPE, DYNAMIC = FOLDERS["phi3-longrope"], FOLDERS["llama-rope-dynamic"]


def expect_agreement(tidemill, model, folder, *arguments, **how):
    for truth, case, expected in cases_of(folder):
        what = f"{model}, {len(case['ids'])} ids, {how}"
        found = tidemill.logits(model, case["ids"], "--greedy", len(case["greedy"]), *arguments, **how)
        expect_logits(found["logits"], expected, truth, what)
        expect_greedy(found["greedy"], case, what)
        steps = tidemill.logits(model, case["ids"], "--prefill", case["first"], *arguments, **how)["logits"]
        expect_logits(steps[case["first"] - 1 :], np.load(folder / case["steps"]), truth, what + ", step by step")


@pytest.mark.parametrize("name", FOLDERS)
def test_prompts_and_steps_agree_with_transformers(tidemill, isas, name):  # noqa: F811
    for isa in isas:
        expect_agreement(tidemill, FOLDERS[name], FOLDERS[name], env={"TIDEMILL_ISA": isa})
    expect_agreement(tidemill, FOLDERS[name], FOLDERS[name], "--backend", "reference")


def test_longrope_scores_are_those_of_a_fresh_prompt(tidemill):
    *_, (_, case, _) = cases_of(LONGROPE)
    steps = tidemill.logits(LONGROPE, case["ids"], "--prefill", 5)["logits"]
    for end in (31, 32, 33, 34, 60):
        assert steps[end - 1] == tidemill.logits(LONGROPE, case["ids"][:end])["logits"][-1], end


@pytest.mark.parametrize("name", FOLDERS)
def test_a_generation_across_the_boundary(tidemill, name):
    """The ids that `logits` chooses are those with the greatest scores when they are given to it one by one."""
    _, case, _ = list(cases_of(FOLDERS[name]))[0]
    ids = case["ids"]
    found = tidemill.logits(FOLDERS[name], ids, "--greedy", 40)["greedy"]
    again = tidemill.logits(FOLDERS[name], ids + found[:-1], "--prefill", len(ids))["logits"]
    assert [int(np.argmax(row)) for row in again[len(ids) - 1 :]] == found


@pytest.mark.parametrize("folder", [LONGROPE, DYNAMIC])
def test_other_files_hold_the_same(tidemill, tmp_path, folder):
    """GGUF as llama.cpp's converter writes it, a .tmill, and a folder that was a GGUF."""
    paths = [tmp_path / "model.tmill"]
    assert tidemill.run("convert", folder, paths[0]).returncode == 0
    if folder == LONGROPE:
        gguf_of_model.write(folder, tmp_path / "written.gguf")
        for source, target in ((folder, "own.gguf"), (tmp_path / "own.gguf", "folder/")):
            assert tidemill.run("convert", source, f"{tmp_path}/{target}").returncode == 0, target
        paths += [tmp_path / name for name in ("written.gguf", "own.gguf", "folder")]
    else:
        refused = tidemill.run("convert", folder, tmp_path / "model.gguf")
        assert refused.returncode == 3 and "dynamic" in refused.stderr
    for path in paths:
        expect_agreement(tidemill, path, folder)


def test_the_context_of_each_kind(tidemill):
    assert tidemill.json("info", LONGROPE)["memory"]["context_length"] == 128
    assert tidemill.json("info", DYNAMIC)["memory"]["context_length"] == 4 * 32


def scaling(folder, **changes):
    config = json.loads((folder / "config.json").read_text())
    return {**config["rope_scaling"], **changes}


@pytest.mark.parametrize("folder, field, value, message", [
    (LONGROPE, "long_factor", [1.0] * 7, "long_factor"),
    (LONGROPE, "long_factor", None, "long_factor"),
    (LONGROPE, "short_factor", [0.0] * 8, "short_factor"),
    (DYNAMIC, "factor", 0.5, "factor"),
    (DYNAMIC, "factor", -1, "factor"),
])  # fmt: skip
def test_what_makes_no_sense(tidemill, tmp_path, folder, field, value, message):
    wrong = with_config(folder, tmp_path / "model", rope_scaling=scaling(folder, **{field: value}))
    done = tidemill.run("logits", wrong, "--ids-file", "-", stdin='{"ids":[1]}')
    assert done.returncode == 3 and message in done.stderr and done.stdout == "", done.stderr
