"""Our methods beside round-to-nearest, AWQ and GPTQ of the papers in NumPy, on layers with what enters them, in the same
groups of neighbours and so at equal bits: judged on inputs that nobody was calibrated with."""

import os
import pathlib
import subprocess

import numpy as np
import pytest
from reference_quantizers import awq, gptq, output_error, rounded

ROOT = pathlib.Path(__file__).resolve().parents[2]
TOOL = pathlib.Path(os.environ.get("TIDEMILL_BUILD", ROOT / "build/release")) / "layer_tool"


def ours(method, w, x, bits, group):
    data = w.astype("<f4").tobytes() + x.astype("<f4").tobytes()
    words = [TOOL, method, bits, group, *w.shape, len(x)]
    done = subprocess.run([str(word) for word in words], input=data, capture_output=True, check=True)
    return np.frombuffer(done.stdout, "<f4").reshape(w.shape)


def errors_of(w, x, bits, group):
    """Of the second half of the inputs, calibrated with the first: by name of the method."""
    seen, unseen = x[: len(x) // 2], x[len(x) // 2 :]
    values = {name: ours(name, w, seen, bits, group) for name in ("rtn", "awq", "gptq", "best")}
    values |= {
        "reference rtn": rounded(w, bits, group),
        "reference awq": awq(w, seen, bits, group),
        "reference gptq": gptq(w, seen, bits, group),
    }
    return {name: output_error(w, one, unseen) for name, one in values.items()}


def correlated_layer(n=96, k=256, tokens=2048, seed=4):
    """A layer as language models have them: inputs that depend on each other, some of them large."""
    rng = np.random.default_rng(seed)
    mixing = rng.standard_normal((48, k)) * rng.lognormal(0, 1, k)
    x = rng.standard_normal((tokens, 48)) @ mixing + 0.3 * rng.standard_normal((tokens, k))
    return (rng.standard_t(5, (n, k)) * 0.05).astype(np.float32), x.astype(np.float32)


@pytest.mark.parametrize("bits, group", [(4, 128), (2, 64)])
def test_methods_lose_no_more_than_the_papers(bits, group):
    w, x = correlated_layer()
    errors = errors_of(w, x, bits, group)
    for name in ("rtn", "awq", "gptq"):
        assert errors[name] <= 1.05 * errors[f"reference {name}"], errors
    assert errors["best"] <= 0.9 * min(error for name, error in errors.items() if name.startswith("reference")), errors
