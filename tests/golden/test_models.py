"""Every architecture against the logits of its authors' code, on tiny random models.

tests/golden/models/README.md says how they were made.
"""

import json
import os
import pathlib
import re
import shutil

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

MODELS = pathlib.Path(__file__).parent / "models"
# Greatest difference as a share of the logits' range.
TOLERANCE = {"f32": 2e-4, "bf16": 1e-2, "f16": 1e-2, "mxfp4": 2e-3}


def folders_of(kind):
    """Our models, and what the reference data has beside them: trained models of others, for instance."""
    extra = os.environ.get("TIDEMILL_EXTRA_DATA")
    paths = sorted(pathlib.Path(extra).glob("models/*/truth.json")) if extra else []
    paths += sorted(MODELS.glob("*/truth.json"))
    return {path.parent.name: path.parent for path in paths if json.loads(path.read_text())["kind"] == kind}


FOLDERS = folders_of("causal")
ENCODERS = folders_of("encoder")


@pytest.fixture(scope="session")
def isas(tidemill, tiny_model):
    """The instruction sets that this machine has."""
    done = tidemill.run("bench", tiny_model, "--prompt-tokens", 1, env={"TIDEMILL_ISA": "abacus"})
    assert done.returncode == 2, "an unknown instruction set is wrong usage"
    named = re.findall(r"\w+", done.stderr)
    return [isa for isa in ("scalar", "sse4", "avx2", "avx3", "avx3_dl") if isa in named]


def cases_of(folder):
    truth = json.loads((folder / "truth.json").read_text())
    for case in truth["cases"]:
        yield truth, case, np.load(folder / case["out"])


def hidden_states(tidemill, folder, case, *arguments, **options):
    asked = json.dumps({key: case[key] for key in ("ids", "mask") if key in case})
    found = tidemill.json("logits", folder, "--ids-file", "-", *arguments, stdin=asked, **options)["hidden"]
    return np.array(found, np.float32)


def expect_logits(found, expected, truth, what):
    tolerance = TOLERANCE[truth["weights"].split()[0]] * np.ptp(expected)
    np.testing.assert_allclose(found, expected, atol=tolerance, rtol=0, err_msg=what)


def expect_greedy(found, case, what):
    """The same ids as long as the reference was sure of each."""
    for step, (id, expected, margin) in enumerate(zip(found, case["greedy"], case["greedy_margins"])):
        if margin < 0.05 and id != expected:
            return
        assert id == expected, f"{what}: step {step}, margin {margin}"


def expect_agreement(tidemill, model, folder, isa=None, first=None):
    """That `model` gives the logits and greedy ids of the `folder`'s cases; `first` ids in one pass, the others alone."""
    how = {"env": {"TIDEMILL_ISA": isa}} if isa else {}
    for truth, case, expected in cases_of(folder):
        n_ids = len(case["ids"])
        n_first = min(first or n_ids, n_ids)
        what = f"{isa or 'usual kernels'}, {n_ids} ids, {n_first} at first"
        greedy = case.get("greedy", [])
        found = tidemill.logits(model, case["ids"], "--prefill", n_first, *(["--greedy", len(greedy)] if greedy else []), **how)
        expect_logits(found["logits"], expected, truth, what)
        if greedy:
            expect_greedy(found["greedy"], case, what)


@pytest.mark.parametrize("name", FOLDERS)
def test_logits_agree_with_the_authors_code(tidemill, isas, name):
    """In one pass, one by one after the first, and in two pieces, on every instruction set."""
    for isa in isas:
        for first in (None, 1, 5):
            expect_agreement(tidemill, FOLDERS[name], FOLDERS[name], isa, first)


@pytest.mark.parametrize("name", FOLDERS)
def test_the_reference_backend_agrees(tidemill, name):
    for truth, case, expected in cases_of(FOLDERS[name]):
        found = tidemill.logits(FOLDERS[name], case["ids"], "--backend", "reference")
        expect_logits(found["logits"], expected, truth, f"{len(case['ids'])} ids")


def test_mxfp4_is_exact_but_for_the_rounding_of_activations(tidemill, isas):
    folder = FOLDERS["gptoss-mxfp4"]
    for isa in isas:
        for truth, case, expected in cases_of(folder):
            found = tidemill.logits(folder, case["ids"], "--precision", "f32", env={"TIDEMILL_ISA": isa})["logits"]
            expect_logits(found, expected, truth | {"weights": "f32"}, f"{isa}, {len(case['ids'])} ids")


@pytest.mark.parametrize("name", ENCODERS)
def test_hidden_states_agree_with_the_authors_code(tidemill, isas, name):
    """On every instruction set and by the reference; padding at the end changes nothing and has rows of zeros."""
    for truth, case, expected in cases_of(ENCODERS[name]):
        n_rows = case.get("compare_rows", len(case["ids"]))
        for isa in [*isas, "reference"]:
            how = {"env": {"TIDEMILL_ISA": isa}} if isa in isas else {}
            found = hidden_states(tidemill, ENCODERS[name], case, *([] if how else ["--backend", "reference"]), **how)
            assert found.shape == expected.shape
            expect_logits(found[:n_rows], expected[:n_rows], truth, f"{isa}, {len(case['ids'])} ids")
            assert not found[n_rows:].any()
            alone = hidden_states(tidemill, ENCODERS[name], {"ids": case["ids"][:n_rows]},
                                  *([] if how else ["--backend", "reference"]), **how)  # fmt: skip
            assert np.array_equal(alone, found[:n_rows])


@pytest.mark.parametrize("name", ENCODERS)
def test_info_of_an_encoder(tidemill, name):
    info = tidemill.json("info", ENCODERS[name])
    truth = json.loads((ENCODERS[name] / "truth.json").read_text())
    assert info["runnable"] and info["parameters"] == truth["parameters"]
    assert info["memory"]["state_bytes"] == 0 and info["memory"]["activations_bytes"] > 0


@pytest.mark.parametrize("ids, message", [
    ({"ids": [1, 2, 3], "mask": [1, 0, 1]}, "mask[2] is 1"),
    ({"ids": [1, 2, 3], "mask": [1, 2, 0]}, "mask[1] is 2"),
    ({"ids": [1, 2, 3], "mask": [0, 0, 0]}, "keeps no id"),
    ({"ids": [1, 2, 3], "mask": [1, 1]}, '3 ids and 2 in "mask"'),
    ({"ids": [1, 2, 3], "types": [0]}, '3 ids and 1 in "types"'),
    ({"ids": [1, 2, 3], "types": [0, 0, 2]}, "2 is out of range"),
    ({"ids": [1, 300]}, "300"),
    ({"ids": [1] * 97}, "97 tokens"),
])  # fmt: skip
def test_what_an_encoder_does_not_take(tidemill, ids, message):
    done = tidemill.run("logits", ENCODERS["bert"], "--ids-file", "-", "--json", stdin=json.dumps(ids))
    assert done.returncode in (1, 2, 3) and done.stdout == "" and message in done.stderr, done.stderr


def test_types_change_an_encoders_states(tidemill):
    def states(**fields):
        asked = json.dumps({"ids": [5, 6, 7, 8], **fields})
        return tidemill.json("logits", ENCODERS["bert"], "--ids-file", "-", stdin=asked)["hidden"]

    assert states(types=[0, 0, 0, 0]) == states()
    assert states(types=[0, 0, 1, 1]) != states()


@pytest.mark.parametrize("arguments", [["run", "--prompt", "x"], ["bench"], ["logits", "--ids-file", "-", "--top", 3]])
def test_an_encoder_continues_no_text(tidemill, arguments):
    command, *rest = arguments
    done = tidemill.run(command, ENCODERS["bert"], *rest, stdin='{"ids":[1]}')
    assert done.returncode in (2, 3) and done.stdout == ""
    assert "is an encoder" in done.stderr


def test_padding_is_for_encoders(tidemill):
    done = tidemill.run("logits", FOLDERS["gpt2-tied"], "--ids-file", "-", "--json", stdin='{"ids":[1,0],"mask":[1,0]}')
    assert done.returncode == 2 and "encoders" in done.stderr


@pytest.mark.parametrize("name, numbers", [
    ("mamba", 3 * 80 * (3 + 8)), ("mamba2-groups", 2 * (160 * 3 + 96 * 16)), ("rwkv4", 3 * 5 * 40),
    ("rwkv5-2", 2 * 60 * (2 + 12)), ("rwkv6", 3 * 48 * (2 + 12)), ("rwkv7", 3 * 48 * (2 + 12)),
])  # fmt: skip
def test_a_recurrent_state_has_one_size_whatever_the_context(tidemill, name, numbers):
    for context in (64, 100_000):
        memory = tidemill.json("info", FOLDERS[name], "--ctx", context)["memory"]
        assert memory["state_bytes"] == 4 * numbers


def test_layers_that_guess_tokens_ahead_are_left_out(tidemill, tmp_path):
    source, folder, ids = FOLDERS["qwen3next"], tmp_path / "model", [5, 6, 7]
    shutil.copytree(source, folder)
    weights = load_file(source / "model.safetensors")
    save_file(weights | {"mtp.fc.weight": np.zeros((40, 80), np.float32)}, folder / "model.safetensors")
    assert tidemill.logits(folder, ids)["logits"] == tidemill.logits(source, ids)["logits"]


def with_config(folder, target, **fields):
    """A copy of a model folder with other fields in its configuration."""
    shutil.copytree(folder, target)
    config = json.loads((target / "config.json").read_text()) | fields
    (target / "config.json").write_text(json.dumps(config))
    return target


def test_the_first_files_of_lfm2(tidemill, tmp_path):
    older = {"layer_types": None, "full_attn_idxs": [1], "intermediate_size": None, "block_ff_dim": 60,
             "rope_theta": None, "theta": 1e6}  # fmt: skip
    folder = with_config(FOLDERS["lfm2"], tmp_path / "model", **older)
    ids = list(range(3, 30))
    assert tidemill.logits(folder, ids)["logits"] == tidemill.logits(FOLDERS["lfm2"], ids)["logits"]


def test_longrope_divides_each_frequency(tidemill, tmp_path):
    """With equal divisors and no factor on the scores it is a linear scaling."""
    folder, ids = FOLDERS["phi3-partial-rotary"], list(range(3, 60))
    scaling = {"type": "longrope", "short_factor": [2.0] * 6, "long_factor": [9.0] * 6, "attention_factor": 1.0}
    long = with_config(folder, tmp_path / "long", rope_scaling=scaling, original_max_position_embeddings=64)
    linear = with_config(folder, tmp_path / "linear", rope_scaling={"type": "linear", "factor": 2.0})
    found, expected = (tidemill.logits(model, ids)["logits"] for model in (long, linear))
    assert found == expected != tidemill.logits(folder, ids)["logits"]
    # sqrt(1 + ln(4096 / 64) / ln 64) on sine and cosine scales q . k by its square where all of a head rotates.
    del scaling["attention_factor"]
    scaled = with_config(folder, tmp_path / "scaled", rope_scaling=scaling, original_max_position_embeddings=64)
    assert tidemill.logits(scaled, ids)["logits"] != found


@pytest.mark.parametrize("first, later", [("language_model.model.", ""), ("model.language_model.", "model.")])
def test_the_text_part_of_a_gemma_that_sees(tidemill, tmp_path, first, later):
    """In either naming of its tensors; those of the part that sees are left alone."""
    source, folder, ids = FOLDERS["gemma3-qknorm-window"], tmp_path / "model", list(range(3, 40))
    shutil.copytree(source, folder)
    config = json.loads((source / "config.json").read_text())
    del config["architectures"]
    seeing = {"architectures": ["Gemma3ForConditionalGeneration"], "model_type": "gemma3", "eos_token_id": [1, 106],
              "text_config": config, "vision_config": {"hidden_size": 8}}  # fmt: skip
    (folder / "config.json").write_text(json.dumps(seeing))
    weights = load_file(source / "model.safetensors")
    renamed = {first + name.removeprefix("model."): weight for name, weight in weights.items()}
    for name in ("vision_tower.vision_model.post_layernorm.weight", "multi_modal_projector.mm_soft_emb_norm.weight"):
        renamed[later + name] = np.zeros(8, np.float32)
    save_file(renamed, folder / "model.safetensors")
    expected = tidemill.logits(source, ids)["logits"]
    assert tidemill.logits(folder, ids)["logits"] == expected
    assert tidemill.run("convert", folder, tmp_path / "model.tmill").returncode == 0
    assert tidemill.logits(tmp_path / "model.tmill", ids)["logits"] == expected
    seeing["text_config"] = 3
    (folder / "config.json").write_text(json.dumps(seeing))
    done = tidemill.run("logits", folder, "--ids-file", "-", stdin='{"ids":[1]}')
    assert done.returncode == 3 and "text_config" in done.stderr, done.stderr


def test_special_tokens_behind_the_embedding(tidemill, tmp_path):
    """As Gemma 3's small models have one for images; plain tokens there are a mistake."""
    n = json.loads((FOLDERS["llama-gqa-untied"] / "config.json").read_text())["vocab_size"]
    vocabulary = {f"w{id}": id for id in range(n)}
    added = {"id": n, "content": "<image>", "single_word": False, "lstrip": False, "rstrip": False, "normalized": False}
    tokenizer = {"version": "1.0", "added_tokens": [added | {"special": True}], "pre_tokenizer": {"type": "Whitespace"},
                 "model": {"type": "WordLevel", "vocab": vocabulary | {"<image>": n}, "unk_token": "w0"}}  # fmt: skip
    folder = with_config(FOLDERS["llama-gqa-untied"], tmp_path / "model")
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer))
    found = tidemill.json("run", folder, "--prompt", "w5 w6 w7", "-n", 4, "--temperature", 0)
    assert found["finish_reason"] == "length" and len(found["ids"]) == 4
    refused = tidemill.run("run", folder, "--prompt", "w5 <image>", "-n", 4)
    assert refused.returncode == 2 and str(n) in refused.stderr, refused.stderr
    tokenizer["added_tokens"] = []
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer))
    refused = tidemill.run("run", folder, "--prompt", "w5", "-n", 4)
    assert refused.returncode == 3 and "the embedding only" in refused.stderr, refused.stderr
