"""Every architecture against the logits of its authors' code, on tiny random models.

tests/golden/models/README.md says how they were made.
"""

import json
import os
import pathlib

import numpy as np
import pytest

MODELS = pathlib.Path(__file__).parent / "models"
# Greatest difference as a share of the logits' range.
TOLERANCE = {"f32": 2e-4, "bf16": 1e-2, "f16": 1e-2}


FOLDERS = {path.parent.name: path.parent for path in sorted(MODELS.glob("*/truth.json"))}
# Trained models of others, read where they are.
if extra := os.environ.get("TIDEMILL_EXTRA_DATA"):
    FOLDERS |= {path.parent.name: path.parent for path in sorted(pathlib.Path(extra).glob("models/*-trained-*/truth.json"))}


@pytest.fixture(scope="session")
def isas(tidemill, tiny_model):
    """The instruction sets that this machine has."""
    done = tidemill.run("bench", tiny_model, "--prompt-tokens", 1, env={"TIDEMILL_ISA": "abacus"})
    assert done.returncode == 2, "an unknown instruction set is wrong usage"
    return [isa for isa in ("scalar", "sse4", "avx2", "avx3", "avx3_dl") if isa in done.stderr]


def cases_of(folder):
    truth = json.loads((folder / "truth.json").read_text())
    for case in truth["cases"]:
        yield truth, case, np.load(folder / case["out"])


def expect_logits(found, expected, truth, what):
    tolerance = TOLERANCE[truth["weights"].split()[0]] * np.ptp(expected)
    np.testing.assert_allclose(found, expected, atol=tolerance, rtol=0, err_msg=what)


def expect_greedy(found, case, what):
    """The same ids as long as the reference was sure of each."""
    for step, (id, expected, margin) in enumerate(zip(found, case["greedy"], case["greedy_margins"])):
        if margin < 0.05 and id != expected:
            return
        assert id == expected, f"{what}: step {step}, margin {margin}"


@pytest.mark.parametrize("name", FOLDERS)
def test_logits_agree_with_the_authors_code(tidemill, isas, name):
    """In one pass, one by one after the first, and in two pieces, on every instruction set."""
    for truth, case, expected in cases_of(FOLDERS[name]):
        for isa in isas:
            for prefill in {len(case["ids"]), 1, min(5, len(case["ids"]))}:
                what = f"{isa}, {len(case['ids'])} ids, {prefill} at first"
                arguments = ["--prefill", prefill, *(["--greedy", len(case["greedy"])] if "greedy" in case else [])]
                found = tidemill.logits(FOLDERS[name], case["ids"], *arguments, env={"TIDEMILL_ISA": isa})
                expect_logits(found["logits"], expected, truth, what)
                if "greedy" in case:
                    expect_greedy(found["greedy"], case, what)


@pytest.mark.parametrize("name", FOLDERS)
def test_the_reference_backend_agrees(tidemill, name):
    for truth, case, expected in cases_of(FOLDERS[name]):
        found = tidemill.logits(FOLDERS[name], case["ids"], "--backend", "reference")
        expect_logits(found["logits"], expected, truth, f"{len(case['ids'])} ids")
