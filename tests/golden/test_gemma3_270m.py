"""The real Gemma 3 270M against a float32 computation of its dequantised weights (gemma3_numpy.py).

Texts of several kinds, one of them past 1,100 tokens so that the window of 512 slides."""

import inspect
import json
import pathlib
import sys
import textwrap

import numpy as np
import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from gemma3_numpy import Gemma3  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parents[2]

PROSE = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
CODE = inspect.getsource(textwrap) + inspect.getsource(json.decoder)
LANGUAGES = """Die alte Gezeitenmühle stand am Rand des Dorfes, und das Wasser kam zweimal am Tag. Niemand wusste,
wer sie gebaut hatte. Le moulin à marée était vieux, mais la roue tournait encore; les enfants y jouaient le soir.
El molino de mareas estaba junto al río y molía el trigo de tres aldeas. Приливная мельница стояла у самой воды,
и её колесо скрипело по ночам. 潮汐磨坊矗立在村边，每天转动两次。磨坊主说，月亮才是它真正的主人。村の外れに潮の水車が
あり、一日に二度回った。Η παλιά μυλόπετρα γύριζε αργά. 조수 방앗간은 마을 끝에 서 있었다. Il mulino girava, girava sempre.
"""
TEXTS = {"prose": (PROSE, 1200), "code": (CODE, 600), "languages": (LANGUAGES, 300)}


def log_softmax(logits):
    logits = logits.astype(np.float64)
    greatest = logits.max(axis=1, keepdims=True)
    return logits - greatest - np.log(np.exp(logits - greatest).sum(axis=1, keepdims=True))


@pytest.fixture(scope="module")
def reference(gemma_model):
    return Gemma3(str(gemma_model))


def ids_of(tidemill, model, text, limit):
    line = json.dumps({"text": text, "add_special_tokens": True})
    done = tidemill.run("tokenize", "--tokenizer", model, "--stdin-jsonl", stdin=line)
    return json.loads(done.stdout)["ids"][:limit]


# Next tokens that agree, at least; divergence and change of the perplexity, at most.
LIMITS = {"fast": (0.98, 0.01, 0.01), "int8": (0.94, 0.02, 0.02)}


@pytest.mark.parametrize("precision", LIMITS)
@pytest.mark.parametrize("name", TEXTS)
def test_next_tokens_agree_with_float32(tidemill, gemma_model, reference, name, precision):
    text, limit = TEXTS[name]
    least_agreement, most_divergence, most_change = LIMITS[precision]
    ids = ids_of(tidemill, gemma_model, text, limit)
    assert len(ids) > limit * 0.5
    hidden = reference.hidden(ids)
    top = tidemill.logits(gemma_model, ids, "--top", 512, "--precision", precision)["top"]
    n_agree, nll, expected_nll, divergence = 0, 0.0, 0.0, 0.0
    for begin in range(0, len(ids), 64):
        expected = log_softmax(reference.head(hidden[begin : begin + 64]))
        for row, position in zip(expected, range(begin, len(ids))):
            found = top[position]
            found_ids, found_logprobs = np.array(found["ids"]), np.array(found["logprobs"])
            n_agree += int(row.argmax()) == found["ids"][0]
            # The 512 most likely tokens hold nearly all of the probability; what is left adds to no comparison.
            divergence += np.sum(np.exp(row[found_ids]) * (row[found_ids] - found_logprobs))
            if position + 1 < len(ids) and ids[position + 1] in found["ids"]:
                expected_nll -= row[ids[position + 1]]
                nll -= found_logprobs[found["ids"].index(ids[position + 1])]
    assert n_agree / len(ids) >= least_agreement
    assert divergence / len(ids) < most_divergence
    assert abs(np.exp((nll - expected_nll) / len(ids)) - 1) < most_change


def test_exact_precision_agrees_everywhere(tidemill, gemma_model, reference):
    """The first and last positions of a text longer than the window, to 2e-3 of every logit."""
    ids = ids_of(tidemill, gemma_model, PROSE, 700)
    shown = [0, 1, 255, 256, 511, 512, 513, 690, 699]
    expected = reference.head(reference.hidden(ids)[shown])
    vocab = expected.shape[1]
    top = tidemill.logits(gemma_model, ids, "--top", 2000, env={"TIDEMILL_PRECISION": "f32"})["top"]
    for row, position in zip(log_softmax(expected), shown):
        found = top[position]
        assert len(found["ids"]) == 2000 < vocab
        np.testing.assert_allclose(found["logprobs"], row[found["ids"]], atol=2e-3)


def test_threads_and_pieces_change_nothing(tidemill, gemma_model):
    ids = ids_of(tidemill, gemma_model, PROSE, 300)
    whole = tidemill.logits(gemma_model, ids, "--top", 5, "--threads", 1)
    assert tidemill.logits(gemma_model, ids, "--top", 5, "--threads", 2, "--prefill", 270) == whole


def test_memory_stays_near_the_file(tidemill, gemma_model, tiny_model):
    """The least of three runs, for in some the system gives a huge page more, without what a run of next to nothing
    takes: pages of the program and its libraries, of which one system maps twice as many as another."""

    def least_peak(model):
        return min(tidemill.json("run", model, "--prompt", "The tide", "-n", 8)["peak_rss_bytes"] for _ in range(3))

    assert least_peak(gemma_model) - least_peak(tiny_model) < 1.15 * gemma_model.stat().st_size + 8 * 18 * 2 * 256 * 2
