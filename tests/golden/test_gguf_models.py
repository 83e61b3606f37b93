"""The tiny models once more, from GGUF as llama.cpp's converter lays it out."""

import json

import gguf_of_model
import pytest
import recurrent_gguf
from test_models import FOLDERS, cases_of, expect_greedy, expect_logits

# What llama.cpp derives from an architecture's name is not what these were made with: their query scale is not
# head_dim's, and which layers slide is not the published pattern.
NOT_IN_GGUF = {"gemma2-softcap-window", "gemma3-qknorm-window"}


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
    for truth, case, expected in cases_of(FOLDERS[name]):
        arguments = ["--greedy", len(case["greedy"])] if "greedy" in case else []
        found = tidemill.logits(path, case["ids"], *arguments)
        expect_logits(found["logits"], expected, truth, f"{len(case['ids'])} ids")
        if "greedy" in case:
            expect_greedy(found["greedy"], case, f"{len(case['ids'])} ids")
