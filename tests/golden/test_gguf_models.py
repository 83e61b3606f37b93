"""The tiny models once more, from GGUF as llama.cpp's converter lays it out."""

import json

import gguf_of_model
import pytest
import recurrent_gguf
from test_models import FOLDERS, expect_agreement, with_config

# What llama.cpp derives from an architecture's name is not what these were made with: their query scale is not
# head_dim's, and which layers slide is not the published pattern.  Its Mamba has no biases.
NOT_IN_GGUF = {"gemma2-softcap-window", "gemma3-qknorm-window", "mamba-biases", "mamba2-biases"}


def models():
    """Names of the models that llama.cpp has, with the module that writes them."""
    for name, folder in FOLDERS.items():
        architecture = json.loads((folder / "config.json").read_text())["architectures"][0]
        for module in (gguf_of_model, recurrent_gguf):
            if architecture in module.ARCHITECTURES and name not in NOT_IN_GGUF:
                yield name, module


@pytest.mark.parametrize("name, module", list(models()))
def test_logits_agree_with_the_authors_code(tidemill, tmp_path, name, module):
    path = tmp_path / "model.gguf"
    module.write(FOLDERS[name], path)
    expect_agreement(tidemill, path, FOLDERS[name])


def test_the_first_files_of_qwen3next(tidemill, tmp_path):
    gguf_of_model.write(FOLDERS["qwen3next"], tmp_path / "new.gguf")
    gguf_of_model.write(FOLDERS["qwen3next"], tmp_path / "old.gguf", legacy=True)
    new, old = (tidemill.logits(tmp_path / name, list(range(3, 30)))["logits"] for name in ("new.gguf", "old.gguf"))
    assert new == old


def test_longrope_as_from_the_folder(tidemill, tmp_path):
    scaling = {"type": "longrope", "short_factor": [1, 1.5, 2, 3, 4, 5], "long_factor": [9] * 6, "attention_factor": 1.25}
    source = FOLDERS["phi3-partial-rotary"]
    folder = with_config(source, tmp_path / "folder", rope_scaling=scaling, original_max_position_embeddings=64)
    gguf_of_model.write(folder, tmp_path / "model.gguf")
    ids = list(range(3, 60))
    found, expected = (tidemill.logits(model, ids)["logits"] for model in (tmp_path / "model.gguf", folder))
    assert found == expected != tidemill.logits(source, ids)["logits"]
    assert tidemill.run("convert", tmp_path / "model.gguf", tmp_path / "model.tmill").returncode == 0
    assert tidemill.logits(tmp_path / "model.tmill", ids)["logits"] == expected
