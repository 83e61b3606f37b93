"""Modes of `tidemill delta` in which matrices come back nearly: how near, and that it is the same every time."""

import importlib

import ml_dtypes
import numpy as np
import pytest
import safetensors.numpy
from model_pairs import NUMPY, ROOT, entry, weights, write_safetensors

DTYPES = ["F32", "F16", "BF16"]


@pytest.fixture(autouse=True)
def decoder(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "docs/formats")
    return importlib.import_module("delta_decoder")


def floats(path):
    return {name: array.astype(np.float64) for name, array in safetensors.numpy.load_file(path).items()}


def made(tidemill, folder, base, tuned, mode, dtype, *options):
    """Makes and applies a delta; what `make` says, and base, fine-tune and result as numbers."""
    for kind, tensors in [("base", base), ("tuned", tuned)]:
        write_safetensors(folder / f"{kind}.safetensors", {n: entry(a, dtype) for n, a in tensors.items()})
    names = [folder / "base.safetensors", folder / "tuned.safetensors", folder / "d.tmdelta"]
    report = tidemill.json("delta", "make", *names, "--mode", mode, *options)
    again = folder / "again.tmdelta"
    tidemill.json("delta", "make", *names[:2], again, "--mode", mode, "--threads", 3, *options)
    assert again.read_bytes() == names[2].read_bytes()
    assert tidemill.json("delta", "info", names[2])["mode"] == mode
    tidemill.json("delta", "verify", names[0], names[2])
    tidemill.json("delta", "apply", names[0], names[2], folder / "out.safetensors")
    decoder = importlib.import_module("delta_decoder")
    ((_, content),) = decoder.restored_files(names[0], names[2])
    assert content == (folder / "out.safetensors").read_bytes()
    return report, *(floats(folder / f"{kind}.safetensors") for kind in ("base", "tuned", "out"))


def pair(dtype, shape=(300, 500), scale=1e-2, seed=1):
    rng = np.random.default_rng(seed)
    base = {"w": weights(rng, shape, dtype), "norm": weights(rng, shape[-1:], dtype)}
    change = {name: rng.standard_normal(array.shape) * scale for name, array in base.items()}
    return base, {n: (a.astype(np.float64) + change[n]).astype(NUMPY[dtype]) for n, a in base.items()}


def relative(base, tuned, out):
    return np.sqrt(((out - tuned) ** 2).sum() / ((tuned - base) ** 2).sum())


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("mode, bound, smaller", [("int8", 0.02, 1.8), ("int4", 0.15, 3.3), ("sign", 0.65, 11)])
def test_scaled_modes(tidemill, tmp_path, dtype, mode, bound, smaller):
    report, base, tuned, out = made(tidemill, tmp_path, *pair(dtype), mode, dtype)
    (error,) = report["errors"]
    found = relative(base["w"], tuned["w"], out["w"])
    assert error["name"] == "w" and error["relative"] == pytest.approx(found, rel=1e-6)
    assert error["greatest"] == pytest.approx(np.abs(out["w"] - tuned["w"]).max(), rel=1e-6)
    assert found < bound
    np.testing.assert_array_equal(out["norm"], tuned["norm"])  # vectors are cheap, and matter
    assert report["ratio"] > smaller * (2 if dtype == "F32" else 1)


def test_int4_is_what_the_format_says(tidemill, tmp_path):
    """The specification's arithmetic, in NumPy."""
    base, tuned = pair("BF16", (64, 640))
    _, _, _, out = made(tidemill, tmp_path, base, tuned, "int4", "BF16")
    before = base["w"].astype(np.float32).reshape(-1, 64)
    changes = tuned["w"].astype(np.float32).reshape(-1, 64) - before
    scale = np.abs(changes).max(1, keepdims=True) / np.float32(7)
    expected = (before + scale * np.clip(np.rint(changes / scale), -7, 7).astype(np.float32)).astype(ml_dtypes.bfloat16)
    np.testing.assert_array_equal(out["w"], expected.reshape(64, 640).astype(np.float64))


@pytest.mark.parametrize("dtype", DTYPES)
def test_sparse_keeps_what_is_large_and_nothing_else(tidemill, tmp_path, dtype):
    report, base, tuned, out = made(tidemill, tmp_path, *pair(dtype), "sparse", dtype, "--threshold", "0.02")
    is_large = np.abs(tuned["w"] - base["w"]) >= 0.02
    np.testing.assert_array_equal(out["w"], np.where(is_large, tuned["w"], base["w"]))
    assert 0.02 < is_large.mean() < 0.08 and report["ratio"] > 4


@pytest.mark.parametrize("dtype", DTYPES)
def test_low_rank_finds_a_change_of_low_rank(tidemill, tmp_path, dtype):
    rng = np.random.default_rng(1)
    base, _ = pair(dtype)
    change = rng.standard_normal((300, 4)) @ rng.standard_normal((4, 500)) * 0.01
    tuned = {"w": (base["w"].astype(np.float64) + change).astype(NUMPY[dtype]), "norm": base["norm"]}
    report, before, after, out = made(tidemill, tmp_path, base, tuned, "lowrank", dtype, "--rank", "4")
    found = relative(before["w"], after["w"], out["w"])
    assert report["errors"][0]["relative"] == pytest.approx(found, rel=1e-6)
    # bf16 weights themselves are rounded to a part in 256.
    assert found < 0.02 and report["ratio"] > 20


def test_low_rank_is_as_near_as_the_best(tidemill, tmp_path):
    base, tuned = pair("F32", (200, 120))
    report, before, after, out = made(tidemill, tmp_path, base, tuned, "lowrank", "F32", "--rank", "8")
    singular = np.linalg.svd(after["w"] - before["w"], compute_uv=False)
    best = np.sqrt((singular[8:] ** 2).sum() / (singular**2).sum())
    assert best <= report["errors"][0]["relative"] * (1 + 1e-6) and report["errors"][0]["relative"] < best * 1.01


@pytest.mark.parametrize("energy", [0.3, 0.9, 0.99])
def test_energy_chooses_the_rank_of_each_tensor(tidemill, tmp_path, energy):
    """As many columns as NumPy's singular values ask for, whatever the tensor."""
    rng = np.random.default_rng(4)
    base = {f"w{n}": weights(rng, (200, 160), "F32") for n in (3, 20, 40)}
    tuned = {}
    for n, (name, array) in zip((3, 20, 40), base.items(), strict=True):
        change = rng.standard_normal((200, n)) * np.geomspace(1, 0.1, n) @ rng.standard_normal((n, 160)) * 1e-3
        tuned[name] = (array + change).astype(np.float32)
    report, before, after, out = made(tidemill, tmp_path, base, tuned, "lowrank", "F32", "--energy", energy)
    ranks = {error["name"]: error["rank"] for error in report["errors"]}
    for name in base:
        kept = np.cumsum(np.linalg.svd(after[name] - before[name], compute_uv=False) ** 2)
        assert 0 <= ranks[name] - (1 + int(np.searchsorted(kept, energy * kept[-1]))) <= 1
        assert relative(before[name], after[name], out[name]) < np.sqrt(1 - energy) + 5e-3


def test_energy_that_takes_too_many_columns(tidemill, tmp_path):
    """At most --rank of them; where all that are worth it would not be enough, the tensor is exact."""
    base, tuned = pair("F32", (300, 200))
    report, *_ = made(tidemill, tmp_path, base, tuned, "lowrank", "F32", "--energy", 0.99, "--rank", 20)
    assert [error["rank"] for error in report["errors"]] == [20]
    report, _, after, out = made(tidemill, tmp_path, base, tuned, "lowrank", "F32", "--energy", 0.99)
    np.testing.assert_array_equal(out["w"], after["w"])


@pytest.mark.parametrize("mode", ["int8", "int4", "sign", "lowrank", "sparse"])
def test_numbers_that_are_not_finite_come_back(tidemill, tmp_path, mode):
    base, tuned = pair("F32")
    tuned["w"][7, 9], tuned["w"][0, 0], tuned["w"][299, 499] = np.nan, np.inf, -np.inf
    _, _, after, out = made(tidemill, tmp_path, base, tuned, mode, "F32", "--rank", "4")
    np.testing.assert_array_equal(np.isfinite(out["w"]), np.isfinite(after["w"]))


def test_a_mode_that_does_not_exist_is_refused(tidemill, tmp_path):
    done = tidemill.run("delta", "make", "a", "b", "c", "--mode", "int5")
    assert done.returncode == 2 and "'int5' is none of" in done.stderr
