"""Our methods beside round-to-nearest, AWQ and GPTQ of the papers in NumPy, on layers with what enters them, in the same
groups and so at equal bits: judged on inputs that nobody was calibrated with."""

import os
import pathlib
import subprocess

import numpy as np
import pytest
from captured_layers import SENTENCES, minilm_layers
from reference_quantizers import awq, gptq, output_error, rounded
from safetensors.numpy import load_file

ROOT = pathlib.Path(__file__).resolve().parents[2]
TOOL = pathlib.Path(os.environ.get("TIDEMILL_BUILD", ROOT / "build/release")) / "layer_tool"
MINILM = pathlib.Path(os.environ.get("TIDEMILL_HOME", pathlib.Path.home() / ".cache/tidemill")) / "models/all-minilm-l6-v2"


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
        "reference gptq ordered": gptq(w, seen, bits, group, act_order=True),
    }
    return {name: output_error(w, one, unseen) for name, one in values.items()}


def correlated_layer(n=96, k=256, tokens=2048, seed=4):
    """A layer as language models have them: inputs that depend on each other, some of them large."""
    rng = np.random.default_rng(seed)
    mixing = rng.standard_normal((48, k)) * rng.lognormal(0, 1, k)
    x = rng.standard_normal((tokens, 48)) @ mixing + 0.3 * rng.standard_normal((tokens, k))
    return (rng.standard_t(5, (n, k)) * 0.05).astype(np.float32), x.astype(np.float32)


@pytest.mark.parametrize("bits, group", [(4, 128), (3, 128), (3, 32), (2, 64)])
def test_methods_lose_no_more_than_the_papers(bits, group):
    w, x = correlated_layer()
    errors = errors_of(w, x, bits, group)
    for name in ("rtn", "awq", "gptq"):
        assert errors[name] <= 1.02 * errors[f"reference {name}"], errors
    assert errors["best"] <= 0.9 * min(error for name, error in errors.items() if name.startswith("reference")), errors


@pytest.mark.skipif(not MINILM.exists(), reason="all-minilm-l6-v2 is not there; ./dev run embed fetches it")
@pytest.mark.parametrize("bits", [4, 3])
def test_layers_of_minilm(bits):
    import tokenizers

    tokenizer = tokenizers.Tokenizer.from_file(str(MINILM / "tokenizer.json"))
    tokenizer.no_padding()
    texts = [tokenizer.encode(f"{one} {other}").ids for one in SENTENCES for other in SENTENCES]
    tensors = {name: value.astype(np.float32) for name, value in load_file(MINILM / "model.safetensors").items() if value.ndim}
    layers = minilm_layers({name.removeprefix("bert."): value for name, value in tensors.items()}, texts)
    ratios = []
    for part in ("attention.self.value", "attention.output.dense", "intermediate.dense", "output.dense"):
        errors = errors_of(*layers[f"encoder.layer.3.{part}"], bits, 128)
        best = min(error for name, error in errors.items() if name.startswith("reference"))
        assert errors["gptq"] <= 1.02 * errors["reference gptq"], (part, errors)
        ratios.append(errors["best"] / best)
    assert np.exp(np.mean(np.log(ratios))) <= 0.9, ratios
