"""`tidemill delta rebase`: the same fine-tune from another base, and chains as one delta."""

import numpy as np
import pytest
from model_pairs import entry, nudged, weights, write_safetensors


def model(path, tensors):
    return write_safetensors(path, {n: entry(a) for n, a in tensors.items()}, {"format": "pt"})


@pytest.fixture(params=["model.safetensors", "folder"])
def line(tidemill, tmp_path, request):
    """A base, its successor and a fine-tune by two deltas; all files, or all folders."""
    rng = np.random.default_rng(6)
    arrays = {name: weights(rng, (200, 384)) for name in "abc"}
    kinds = {"base": arrays, "new": {n: nudged(rng, a, 0.01) for n, a in arrays.items()}}
    kinds["first"] = {n: nudged(rng, a) for n, a in arrays.items()}
    kinds["tuned"] = {n: nudged(rng, a, 0.02) for n, a in kinds["first"].items()} | {"head": weights(rng, (10, 30))}
    is_folder = request.param == "folder"
    for kind, tensors in kinds.items():
        model(tmp_path / kind / "sub/model.safetensors" if is_folder else tmp_path / kind, tensors)
        if is_folder:
            (tmp_path / kind / "config.json").write_text('{"name": "%s"}' % kind)
    for one, other in [("base", "first"), ("first", "tuned")]:
        tidemill.json("delta", "make", tmp_path / one, tmp_path / other, tmp_path / f"{other}.tmdelta")
    return tmp_path


def content(path):
    if path.is_file():
        return path.read_bytes()
    return {str(file.relative_to(path)): file.read_bytes() for file in path.rglob("*") if file.is_file()}


def test_a_chain_onto_a_new_base(tidemill, line):
    rebased, out = line / "rebased.tmdelta", line / "out"
    before = sorted(line.iterdir())
    deltas = [line / "first.tmdelta", line / "tuned.tmdelta"]
    told = tidemill.json("delta", "rebase", line / "base", *deltas, "--onto", line / "new", rebased)
    assert sorted(line.iterdir()) == sorted([*before, rebased]) and told["delta_bytes"] == rebased.stat().st_size
    tidemill.json("delta", "apply", line / "new", rebased, out)
    assert content(out) == content(line / "tuned")
    direct = line / "direct.tmdelta"
    tidemill.json("delta", "make", line / "new", line / "tuned", direct)
    # The same delta as of the models themselves; of a file all but its name.
    assert abs(direct.stat().st_size - rebased.stat().st_size) < 64


def test_a_chain_as_one_delta(tidemill, line):
    one, out = line / "one.tmdelta", line / "out"
    tidemill.json("delta", "rebase", line / "base", line / "first.tmdelta", line / "tuned.tmdelta", one)
    tidemill.json("delta", "apply", line / "base", one, out)
    assert content(out) == content(line / "tuned")


def test_a_wrong_base_leaves_nothing(tidemill, line):
    before = sorted(line.iterdir())
    words = ["delta", "rebase", line / "new", line / "first.tmdelta", "--onto", line / "base", line / "x.tmdelta"]
    done = tidemill.run(*words)
    assert done.returncode == 3 and "not the base of" in done.stderr and done.stderr.count("\n") == 1
    done = tidemill.run(*words[:3], line / "x.tmdelta")
    assert done.returncode == 2 and "delta rebase: takes" in done.stderr
    assert sorted(line.iterdir()) == before
