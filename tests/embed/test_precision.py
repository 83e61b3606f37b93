"""`--precision bf16` and `int8`: matrices in floats are rounded at load; vectors stay near those of float32."""

import json
import os

import numpy as np
import pytest
import safetensors.numpy
from sentence_folders import BERT, D_MODEL, TEXTS, make_folder, write_safetensors
from test_embed import embed

WIDTHS = {D_MODEL: 64, 112: 128}  # whole blocks of 32

# In several languages, short and long, with what is no prose.
SHARED = [
    *TEXTS, "word " * 300, "الطاحونة عند مصب النهر", "潮汐磨坊每天转两次", "Мельница стояла у устья реки.", "🌊🌊🌊", "int main() { return 0; }",
    "Die Gezeitenmühle stand an der Mündung des Flusses, und ihr Rad drehte sich zweimal am Tag.", "1 2 3 4 5", "?",
]  # fmt: skip


@pytest.fixture
def wide(tmp_path):
    """The golden BERT's form with rows that are whole blocks, of random weights."""
    folder = make_folder(tmp_path / "model")
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"hidden_size": 64, "intermediate_size": 128}))
    pooling = {"word_embedding_dimension": 64, "pooling_mode_mean_tokens": True}
    (folder / "1_Pooling/config.json").write_text(json.dumps(pooling))
    rng, weights = np.random.default_rng(5), {}
    for name, tensor in safetensors.numpy.load_file(BERT / "model.safetensors").items():
        shape = [WIDTHS.get(size, size) for size in tensor.shape]
        is_scale = name.endswith("LayerNorm.weight")
        weights[name] = rng.normal(size=shape) * (0.05 if is_scale or len(shape) == 1 else 0.2) + is_scale
    write_safetensors(folder / "model.safetensors", weights)
    return folder


def cosines(found, expected):
    return [a @ b / np.linalg.norm(a) / np.linalg.norm(b) for a, b in zip(found, expected, strict=True)]


@pytest.mark.parametrize("precision, least, mean", [("int8", 0.98, 0.995), ("bf16", 0.999, 0.9995)])
def test_vectors_are_near_those_of_f32(tidemill, wide, precision, least, mean):
    near = cosines(embed(tidemill, wide, TEXTS, "--precision", precision), embed(tidemill, wide, TEXTS))
    assert least < min(near) < 0.9999999 and np.mean(near) > mean


@pytest.mark.parametrize("precision, dtype", [("int8", "i8"), ("bf16", "bf16")])
def test_matrices_are_rounded(tidemill, wide, precision, dtype):
    bench = ["embed", wide, "--bench", "--profile", "--batch", 1, "--seq-len", 8]
    assert f"({dtype})" in tidemill.run(*bench, "--precision", precision).stdout.lower()
    assert f"({dtype})" not in tidemill.run(*bench).stdout.lower()


def test_an_unknown_precision_is_refused(tidemill, tmp_path):
    done = tidemill.run("embed", make_folder(tmp_path / "model"), "--text", "x", "--precision", "int4")
    assert done.returncode == 2 and "int4" in done.stderr


@pytest.mark.parametrize("precision, least, mean", [("int8", 0.98, 0.995), ("bf16", 0.9999, 0.9999)])
def test_minilm(tidemill, precision, least, mean):
    path = os.environ.get("TIDEMILL_MODEL_MINILM", "")
    if not path:
        pytest.skip("TIDEMILL_MODEL_MINILM names no folder; ./dev test fetches all-MiniLM-L6-v2")
    near = cosines(embed(tidemill, path, SHARED, "--precision", precision), embed(tidemill, path, SHARED))
    assert np.mean(near) >= mean and min(near) >= least, json.dumps([round(float(one), 5) for one in near])
