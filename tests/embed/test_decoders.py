"""Models of decoders whose vectors are wanted: with modules.json they read whole texts and write none."""

import json
import shutil

import gguf
import numpy as np
import pytest
import sentence_folders as folders  # lets the golden models' modules be found
import gguf_of_model
from safetensors.numpy import load_file, save_file

MODELS = folders.ROOT / "tests/golden/models"
RANDOM = np.random.default_rng(11)
DENSES = [RANDOM.normal(size=shape).astype(np.float32) for shape in ((60, 40), (24, 60))]


def cases_of(folder):
    for case in json.loads((folder / "truth.json").read_text())["cases"]:
        yield case, np.load(folder / case["out"])


def words_of(ids):
    return " ".join(f"w{id}" for id in ids)


def write_tokenizer(folder, vocab_size):
    """A word for each id."""
    tokenizer = {"version": "1.0", "added_tokens": [], "pre_tokenizer": {"type": "Whitespace"},
                 "model": {"type": "WordLevel", "vocab": {f"w{id}": id for id in range(vocab_size)}, "unk_token": "w0"}}  # fmt: skip
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer))


def write_modules(folder, pooling, d_model, denses=()):
    (folder / "1_Pooling").mkdir()
    fields = {"word_embedding_dimension": d_model, f"pooling_mode_{pooling}": True}
    (folder / "1_Pooling/config.json").write_text(json.dumps(fields))
    modules = [folders.module(0, "Transformer", ""), folders.module(1, "Pooling", "1_Pooling")]
    for number, weight in enumerate(denses, 2):
        place = folder / f"{number}_Dense"
        place.mkdir()
        fields = {"in_features": weight.shape[1], "out_features": weight.shape[0], "bias": False}
        (place / "config.json").write_text(json.dumps(fields | {"activation_function": "torch.nn.modules.linear.Identity"}))
        save_file({"linear.weight": weight}, place / "model.safetensors")
        modules.append(folders.module(number, "Dense", place.name))
    modules.append(folders.module(len(modules), "Normalize", f"{len(modules)}_Normalize"))
    (folder / "modules.json").write_text(json.dumps(modules))


def embedded(tidemill, model, text, *arguments):
    return np.array(tidemill.json("embed", model, "--text", text, *arguments)["embedding"])


@pytest.fixture
def gemma(tmp_path):
    """EmbeddingGemma's folder in small: layers that look both ways, a mean, two layers above it."""
    folder = tmp_path / "gemma"
    shutil.copytree(MODELS / "gemma-embedding", folder)
    write_tokenizer(folder, 256)
    write_modules(folder, "mean_tokens", 40, DENSES)
    prompts = {"prompts": {"query": "w7 w8 ", "document": "w9 "}, "default_prompt_name": None}
    (folder / "config_sentence_transformers.json").write_text(json.dumps(prompts))
    return folder


@pytest.mark.parametrize("name, head, tolerance", [
    ("qwen3-qknorm", "model.embed_tokens.weight", 2e-4), ("mistral-window", "lm_head.weight", 2e-4),
    ("gpt2-tied", "transformer.wte.weight", 2e-4), ("qwen2-bias-tied", "model.embed_tokens.weight", 1e-2),
])  # fmt: skip
def test_hidden_states_are_those_that_scores_are_made_of(tidemill, tmp_path, name, head, tolerance):
    folder = tmp_path / name
    shutil.copytree(MODELS / name, folder)
    matrix = load_file(folder / "model.safetensors")[head]
    write_modules(folder, "lasttoken", matrix.shape[1])
    for case, logits in cases_of(MODELS / name):
        asked = json.dumps({"ids": case["ids"]})
        hidden = np.array(tidemill.json("logits", folder, "--ids-file", "-", stdin=asked)["hidden"])
        np.testing.assert_allclose(hidden @ matrix.T.astype(np.float64), logits, atol=tolerance * np.ptp(logits), rtol=0)


def test_the_last_token_of_layers_without_a_head(tidemill, tmp_path):
    """As Qwen3-Embedding is written: no "model." before the names, attention to what came before."""
    folder = tmp_path / "model"
    shutil.copytree(MODELS / "llama-layers", folder)
    write_tokenizer(folder, 256)
    write_modules(folder, "lasttoken", 40)
    for case, hidden in cases_of(MODELS / "llama-layers"):
        found = embedded(tidemill, folder, words_of(case["ids"]))
        np.testing.assert_allclose(found, folders.unit(hidden[-1].astype(np.float64)), atol=1e-5)


def test_a_gemma_that_looks_both_ways(tidemill, gemma):
    def expected(hidden):
        vector = hidden.astype(np.float64).mean(axis=0)
        for weight in DENSES:
            vector = weight @ vector
        return folders.unit(vector)

    for case, hidden in cases_of(gemma):
        found = embedded(tidemill, gemma, words_of(case["ids"]))
        np.testing.assert_allclose(found, expected(hidden), atol=1e-5)
    prompted = embedded(tidemill, gemma, "w20 w21", "--prompt-name", "query")
    np.testing.assert_allclose(prompted, embedded(tidemill, gemma, "w7 w8 w20 w21"), atol=1e-6)


def test_its_gguf(tidemill, gemma, tmp_path):
    """As llama.cpp's converter writes it: the layers above the pooling lie beside the model's."""
    whole = tmp_path / "whole"  # names as in files of the whole model
    shutil.copytree(gemma, whole)
    weights = load_file(gemma / "model.safetensors")
    save_file({"model." + name: weight for name, weight in weights.items()}, whole / "model.safetensors")

    def finish(writer):
        writer.add_pooling_type(gguf.PoolingType.MEAN)
        for name, weight in zip(("dense_2.weight", "dense_3.weight"), DENSES):
            writer.add_tensor(name, weight)
        tokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *(f"\u2581w{id}" for id in range(5, 256))]
        writer.add_tokenizer_model("bert")
        writer.add_token_list(tokens)
        writer.add_token_types([3] * 5 + [1] * 251)
        writer.add_add_bos_token(False)
        writer.add_add_sep_token(False)
        for field, id in (("bos", 2), ("eos", 3), ("sep", 3), ("unk", 1), ("pad", 0), ("mask", 4)):
            getattr(writer, f"add_{field}_token_id")(id)

    path = tmp_path / "model.gguf"
    gguf_of_model.write(whole, path, finish=finish)
    for case, _ in cases_of(gemma):
        asked = json.dumps({"ids": case["ids"]})
        of_file, of_folder, of_whole = (
            np.array(tidemill.json("logits", model, "--ids-file", "-", stdin=asked)["hidden"]) for model in (path, gemma, whole))
        np.testing.assert_allclose(of_file, of_folder, atol=1e-5)
        assert np.array_equal(of_whole, of_folder)
    dimensions = len(embedded(tidemill, path, "w20 w21 w22"))
    assert dimensions == 24
    ids = tidemill.json("tokenize", "--tokenizer", path, "--text", "w20 w21 w22", "--json")["ids"]
    vector = embedded(tidemill, path, "w20 w21 w22")
    np.testing.assert_allclose(vector, embedded(tidemill, gemma, words_of(ids)), atol=1e-5)
    assert tidemill.run("convert", path, tmp_path / "packed.tmill").returncode == 0
    np.testing.assert_allclose(embedded(tidemill, tmp_path / "packed.tmill", "w20 w21 w22"), vector, atol=1e-6)


def test_what_makes_vectors_writes_no_text(tidemill, gemma):
    done = tidemill.run("run", gemma, "--prompt", "w5")
    assert done.returncode == 3 and "is an encoder" in done.stderr
    assert tidemill.json("info", gemma)["memory"]["state_bytes"] == 0


def test_recurrent_layers_make_no_vectors(tidemill, tmp_path):
    folder = tmp_path / "model"
    shutil.copytree(MODELS / "lfm2", folder)
    write_tokenizer(folder, 256)
    write_modules(folder, "mean_tokens", 40)
    done = tidemill.run("embed", folder, "--text", "w5")
    assert done.returncode == 3 and "recurrent layers" in done.stderr, done.stderr


def test_a_chat_model_makes_no_vectors(tidemill, tmp_path):
    folder = tmp_path / "model"
    shutil.copytree(MODELS / "qwen2-bias-tied", folder)
    done = tidemill.run("embed", folder, "--text", "w5")
    assert done.returncode == 3 and "how texts become vectors" in done.stderr, done.stderr
