"""Texts with more tokens than the model reads: parts as the tokenizers library cuts them, and one vector of theirs."""

import numpy as np
import pytest
import tokenizers
from sentence_folders import encoder_numpy, make_folder, unit
from test_embed import embed, expect

MAX_LENGTH = 40
TEXT = "the tide mill stood; a mill, ein Mühlrad 🌊 水车 " * 7
HOW = {
    "mean": lambda parts, counts: parts.mean(0),
    "max": lambda parts, counts: parts.max(0),
    "tokens": lambda parts, counts: np.average(parts, axis=0, weights=counts),
    "position": lambda parts, counts: np.average(parts, axis=0, weights=1 / np.arange(1, len(parts) + 1)),
}


def parts_of(folder, text, overlap):
    tokenizer = tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.enable_truncation(MAX_LENGTH, stride=overlap)
    tokenizer.no_padding()
    first = tokenizer.encode(text.strip())
    return [part.ids for part in [first, *first.overflowing]]


def vectors_of(folder, parts):
    return np.array([unit(encoder_numpy.hidden_states(folder, ids).astype(np.float64).mean(0)) for ids in parts])


@pytest.mark.parametrize("overlap", [0, 7, 20])
@pytest.mark.parametrize("how", HOW)
def test_the_vectors_of_parts_become_one(tidemill, tmp_path, how, overlap):
    folder = make_folder(tmp_path / "model", max_length=MAX_LENGTH)
    parts = parts_of(folder, TEXT, overlap)
    assert len(parts) > 3 and len(parts[-1]) < MAX_LENGTH
    expected = HOW[how](vectors_of(folder, parts), [len(part) for part in parts])
    found = embed(tidemill, folder, [TEXT, "the mill", TEXT], "--long-texts", how, "--overlap", overlap)
    expect(found, [unit(expected), *vectors_of(folder, parts_of(folder, "the mill", 0)), unit(expected)])


def test_a_prompt_stands_in_the_first_part(tidemill, tmp_path):
    folder = make_folder(tmp_path / "model", max_length=MAX_LENGTH, prompts={"prompts": {"query": "a tide: "}})
    expected = vectors_of(folder, parts_of(folder, "a tide: " + TEXT, 0)).mean(0)
    expect(embed(tidemill, folder, [TEXT], "--long-texts", "mean", "--prompt-name", "query"), [unit(expected)])


def test_vectors_that_are_not_scaled_stay_so(tidemill, tmp_path):
    folder = make_folder(tmp_path / "model", max_length=MAX_LENGTH, normalize=False)
    hidden = [encoder_numpy.hidden_states(folder, ids).astype(np.float64) for ids in parts_of(folder, TEXT, 0)]
    expect(embed(tidemill, folder, [TEXT], "--long-texts", "mean"), [np.mean([part.mean(0) for part in hidden], axis=0)])


@pytest.mark.parametrize("arguments, words", [(["--long-texts", "median"], "median"), (["--long-texts", "mean", "--overlap", "21"], "0 to 20")])
def test_wrong_options_are_refused(tidemill, tmp_path, arguments, words):
    done = tidemill.run("embed", make_folder(tmp_path / "model", max_length=MAX_LENGTH), "--text", "x", *arguments)
    assert done.returncode == 2 and words in done.stderr and done.stderr.count("\n") == 1
