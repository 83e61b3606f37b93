"""A tiny random Gemma 3 against transformers' logits (scripts/golden/make_gemma3.py), on every instruction set."""

import json
import pathlib

import numpy as np
import pytest

FOLDER = pathlib.Path(__file__).parent / "gemma3"
CASES = json.loads((FOLDER / "truth.json").read_text())["cases"]
EXACT = {"TIDEMILL_PRECISION": "f32"}


def isas(tidemill):
    done = tidemill.run("bench", FOLDER / "model.gguf", "--prompt-tokens", 1, env={"TIDEMILL_ISA": "abacus"})
    assert done.returncode == 2, "an unknown instruction set is wrong usage"
    return [isa for isa in ("scalar", "sse4", "avx2", "avx3", "avx3_dl") if isa in done.stderr]


@pytest.mark.parametrize("prefill", [0, 1, 5])
@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{len(case['ids'])}-tokens")
def test_logits_agree_with_transformers(tidemill, tiny_model, case, prefill):
    expected = np.load(FOLDER / case["logits"])
    arguments = ["--prefill", prefill, "--greedy", len(case["greedy"])]
    for isa in isas(tidemill):
        found = tidemill.logits(tiny_model, case["ids"], *arguments, env={**EXACT, "TIDEMILL_ISA": isa})
        np.testing.assert_allclose(found["logits"], expected, atol=2e-4 * np.ptp(expected), err_msg=isa)
        assert found["greedy"] == case["greedy"], isa


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{len(case['ids'])}-tokens")
def test_the_fast_precision_stays_near(tidemill, tiny_model, case):
    """The weights are f32, so only the f16 state makes a difference."""
    expected = np.load(FOLDER / case["logits"])
    found = tidemill.logits(tiny_model, case["ids"])
    np.testing.assert_allclose(found["logits"], expected, atol=1e-2 * np.ptp(expected))


def test_the_reference_backend_agrees_with_transformers(tidemill, tiny_model):
    for case in CASES:
        expected = np.load(FOLDER / case["logits"])
        found = tidemill.logits(tiny_model, case["ids"], "--backend", "reference")
        np.testing.assert_allclose(found["logits"], expected, atol=1e-4 * np.ptp(expected))
