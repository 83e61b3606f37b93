"""Models written as folders in Hugging Face's layout: the tensors that the safetensors library finds, and their logits."""

import json

import gguf
import ml_dtypes  # noqa: F401 (makes numpy know bfloat16)
import numpy as np
import pytest
from safetensors.numpy import load_file
from test_convert_gguf import TEXTS, WRITTEN, convert, tokenizer_folder
from test_models import FOLDERS, cases_of, expect_logits

FREQUENCY_BASES = {"rope_theta", "rotary_emb_base", "rope_local_base_freq"}  # numbers of any kind, for transformers too
# GGUF keeps Llama 3's divisors of frequencies, not what they were made from; these are not the published ones.
NOT_FROM_GGUF = {"llama-rope-llama3-tied-bf16": "divisors"}


def expect_same_weights(folder, source):
    found, expected = (load_file(path / "model.safetensors") for path in (folder, source))
    # What a file may hold beside the weights, or twice.
    extra = {name for name in expected if name.endswith((".attn.bias", ".masked_bias", "rotary_emb.inv_freq"))}
    if json.loads((folder / "config.json").read_text()).get("tie_word_embeddings"):
        extra |= {"lm_head.weight"} & set(expected)
    assert set(found) == set(expected) - extra
    for name, values in found.items():
        reference = expected[name].astype(np.float32)
        assert values.shape == reference.shape, name
        np.testing.assert_allclose(values.astype(np.float32), reference, rtol=1e-6, atol=1e-6, err_msg=name)


@pytest.mark.parametrize("name", WRITTEN)
def test_from_a_tmill(tidemill, tmp_path, name):
    """Names, shapes and numbers of the folder that it came from, whose configuration it carries."""
    convert(tidemill, FOLDERS[name], tmp_path / "model.tmill")
    convert(tidemill, tmp_path / "model.tmill", f"{tmp_path}/folder/")
    folder = tmp_path / "folder"
    assert (folder / "config.json").read_bytes() == (FOLDERS[name] / "config.json").read_bytes()
    expect_same_weights(folder, FOLDERS[name])
    assert [path.name for path in tmp_path.glob(".*")] == []


@pytest.mark.parametrize("name", WRITTEN)
def test_from_a_gguf(tidemill, tmp_path, name):
    """Everything that the model computes from, its configuration included, comes back."""
    path, folder = tmp_path / "model.gguf", tmp_path / "folder"
    convert(tidemill, FOLDERS[name], path)
    if name in NOT_FROM_GGUF:
        done = tidemill.run("convert", path, f"{folder}/")
        assert done.returncode == 3 and NOT_FROM_GGUF[name] in done.stderr and not folder.exists()
        return
    folder.mkdir()
    convert(tidemill, path, folder)
    expect_same_weights(folder, FOLDERS[name])
    for truth, case, expected in cases_of(FOLDERS[name]):
        expect_logits(tidemill.logits(folder, case["ids"])["logits"], expected, truth, f"{len(case['ids'])} ids")
    written, original = (json.loads((path / "config.json").read_text()) for path in (folder, FOLDERS[name]))
    assert written["architectures"] == original["architectures"]
    assert written["model_type"] == original.get("model_type", written["model_type"])
    counts = {key for key, value in original.items() if isinstance(value, int)} & set(written) - FREQUENCY_BASES
    assert [key for key in counts if isinstance(written[key], float)] == []  # transformers refuses 256.0


def test_from_a_folder(tidemill, tmp_path):
    """Every file that counts as it was, also of an architecture that only a copy can keep."""
    for name in ("gptoss-sinks-moe", "rwkv7", "bert"):
        source, target = FOLDERS.get(name, FOLDERS["rwkv7"].parent / name), tmp_path / name
        convert(tidemill, source, f"{target}/")
        found, expected = (load_file(path / "model.safetensors") for path in (target, source))
        assert {key: value.tobytes() for key, value in found.items()} == {
            key: value.tobytes() for key, value in expected.items()
        }
        assert (target / "config.json").read_bytes() == (source / "config.json").read_bytes()


def test_a_gguf_with_a_tokenizer_of_characters(tidemill, tmp_path, tiny_model):
    """The tiny Gemma 3 has one as SentencePiece makes it."""
    folder = tmp_path / "folder"
    convert(tidemill, tiny_model, f"{folder}/", "--dtype", "f32")
    ids = [2, 5, 9, 17, 33]
    found = np.array(tidemill.logits(folder, ids)["logits"])
    expected = np.array(tidemill.logits(tiny_model, ids, "--precision", "f32")["logits"])
    assert np.abs(found - expected).max() < 1e-5 * np.ptp(expected)
    for text in TEXTS[:3]:
        one, other = (tidemill.run("tokenize", model, "--text", text).stdout for model in (tiny_model, folder))
        assert one == other, text
    # Without this, transformers hands a decoder types of tokens that it refuses.
    written = json.loads((folder / "tokenizer_config.json").read_text())
    assert written["model_input_names"] == ["input_ids", "attention_mask"]


def test_quantised_blocks_need_a_dtype(tidemill, tmp_path):
    convert(tidemill, FOLDERS["smollm3-nope"], tmp_path / "plain.gguf")
    reader = gguf.GGUFReader(tmp_path / "plain.gguf")
    writer = gguf.GGUFWriter(tmp_path / "blocks.gguf", "smollm3")
    for key, field in reader.fields.items():
        if key.startswith(("smollm3.", "tokenizer.")):
            writer.add_key_value(key, field.contents(), field.types[0])
    q8_0 = gguf.GGMLQuantizationType.Q8_0
    for tensor in reader.tensors:
        is_whole = len(tensor.shape) > 1 and tensor.shape[0] % 32 == 0
        data = gguf.quants.quantize(tensor.data, q8_0) if is_whole else tensor.data
        writer.add_tensor(tensor.name, data, raw_dtype=q8_0 if is_whole else None)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    done = tidemill.run("convert", tmp_path / "blocks.gguf", f"{tmp_path}/folder/")
    assert done.returncode == 2 and "--dtype" in done.stderr and not (tmp_path / "folder").exists()
    convert(tidemill, tmp_path / "blocks.gguf", f"{tmp_path}/folder/", "--dtype", "f32")
    ids = [2, 5, 9, 17, 33]
    found = np.array(tidemill.logits(tmp_path / "folder", ids)["logits"])
    expected = np.array(tidemill.logits(tmp_path / "blocks.gguf", ids, "--precision", "f32")["logits"])
    assert np.abs(found - expected).max() < 1e-5 * np.ptp(expected)
    convert(tidemill, tmp_path / "blocks.gguf", tmp_path / "same.gguf")
    for one, other in zip(gguf.GGUFReader(tmp_path / "blocks.gguf").tensors, gguf.GGUFReader(tmp_path / "same.gguf").tensors):
        assert one.tensor_type == other.tensor_type and np.array_equal(one.data, other.data)


def test_tokenizers_come_back_from_a_gguf(tidemill, tmp_path):
    source = tokenizer_folder(tidemill, tmp_path, "gpt2-tied", vocab_size=280, arguments=["--pattern", "qwen2"])
    convert(tidemill, source, tmp_path / "model.gguf")
    convert(tidemill, tmp_path / "model.gguf", f"{tmp_path}/again/")
    for text in TEXTS:
        one, other = (tidemill.run("tokenize", model, "--text", text).stdout for model in (source, tmp_path / "again"))
        assert one == other, text
    config = json.loads((tmp_path / "again/config.json").read_text())
    assert config["bos_token_id"] == 0 and config["eos_token_id"] == 1


def test_a_folder_that_is_there_stays(tidemill, tmp_path, tiny_model):
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder/note.txt").write_text("mine")
    done = tidemill.run("convert", tiny_model, tmp_path / "folder", "--dtype", "f32")
    assert done.returncode == 2 and "is there already" in done.stderr
    assert [path.name for path in (tmp_path / "folder").iterdir()] == ["note.txt"]
