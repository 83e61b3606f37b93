"""Models of Hugging Face's layout written as GGUF: what the gguf package reads, and that they compute the same."""

import json

import gguf
import numpy as np
import pytest
from test_models import FOLDERS, MODELS, expect_agreement, with_config

# What llama.cpp takes from an architecture's name alone is otherwise in these, or their architecture is not written.
REFUSED = {
    "gemma2-softcap-window": "query_pre_attn_scalar", "gemma3-qknorm-window": "see a window",
    "gptoss-sinks-moe": "gptoss", "gptoss-mxfp4": "gptoss", "qwen3next": "qwen3next",
    "mamba": "mamba", "mamba-biases": "mamba", "mamba2-groups": "mamba2", "mamba2-biases": "mamba2",
    "glm": "glm", "glm4": "glm4", "granite": "granite", "granite4-dense": "granite", "granitemoe": "granitemoe",
    "lfm2": "lfm2", "olmoe": "olmoe", "phi2": "phi", "qwen2moe": "qwen2moe", "stablelm": "stablelm",
    "stablelm-parallel": "stablelm", "rwkv4": "rwkv4", "rwkv4-hf": "rwkv", "rwkv5-1": "rwkv5", "rwkv5-2": "rwkv5", "rwkv6": "rwkv6", "rwkv7": "rwkv7",
}  # fmt: skip
WRITTEN = sorted(name for name in FOLDERS if name not in REFUSED and FOLDERS[name].parent == MODELS)


def convert(tidemill, *arguments):
    done = tidemill.run("convert", *arguments)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", WRITTEN)
def test_the_model_is_the_same(tidemill, tmp_path, name):
    """From the folder and from a .tmill of it."""
    path = tmp_path / "model.gguf"
    convert(tidemill, FOLDERS[name], path)
    expect_agreement(tidemill, path, FOLDERS[name])
    convert(tidemill, FOLDERS[name], tmp_path / "model.tmill")
    convert(tidemill, tmp_path / "model.tmill", tmp_path / "again.gguf")
    ids = list(range(3, 20))
    assert tidemill.logits(tmp_path / "again.gguf", ids)["logits"] == tidemill.logits(path, ids)["logits"]


@pytest.mark.parametrize("name", WRITTEN)
def test_names_and_keys_are_those_of_llama_cpp(tidemill, tmp_path, name):
    """Every tensor has a name that the gguf package knows of the architecture, its data lie aligned."""
    path = tmp_path / "model.gguf"
    convert(tidemill, FOLDERS[name], path)
    reader = gguf.GGUFReader(path)
    architecture = reader.get_field("general.architecture").contents()
    number = next(key for key, value in gguf.MODEL_ARCH_NAMES.items() if value == architecture)
    layers = reader.get_field(f"{architecture}.block_count").contents()
    known = {
        gguf.TENSOR_NAMES[kind].format(bid=layer) for kind in gguf.MODEL_TENSORS[number] for layer in range(layers)
    }
    for tensor in reader.tensors:
        stem = tensor.name.removesuffix(".weight").removesuffix(".bias")
        assert stem in known, tensor.name
        assert tensor.data_offset % 32 == 0
        is_vector = len(tensor.shape) == 1 or stem.endswith(("ffn_gate_inp", "position_embd"))
        assert not is_vector or tensor.tensor_type == gguf.GGMLQuantizationType.F32, tensor.name
    for key in reader.fields:
        assert key.startswith((f"{architecture}.", "general.", "tokenizer.", "GGUF.")), key
    assert reader.get_field("tokenizer.ggml.model").contents() == "no_vocab"


@pytest.mark.parametrize("name, fragment", [item for item in REFUSED.items() if item[0] in FOLDERS])
def test_what_gguf_cannot_say_is_refused(tidemill, tmp_path, name, fragment):
    done = tidemill.run("convert", FOLDERS[name], tmp_path / "model.gguf")
    assert done.returncode == 3 and done.stderr.count("\n") == 1
    assert fragment in done.stderr and "model.gguf" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_window_that_is_not_in_every_layer_is_refused(tidemill, tmp_path):
    folder = with_config(FOLDERS["qwen2-bias-tied"], tmp_path / "folder", use_sliding_window=True, sliding_window=4,
                         layer_types=["full_attention", "sliding_attention"])  # fmt: skip
    done = tidemill.run("convert", folder, tmp_path / "model.gguf")
    assert done.returncode == 3 and "windows" in done.stderr


def test_dtypes(tidemill, tmp_path):
    """Matrices in what is asked for, vectors in f32; without --dtype as they were."""
    for name, arguments, expected in [
        ("llama-gqa-untied", [], "F32"),
        ("llama-gqa-untied", ["--dtype", "bf16"], "BF16"),
        ("llama-rope-llama3-tied-bf16", [], "BF16"),
        ("llama-rope-llama3-tied-bf16", ["--dtype", "f16"], "F16"),
    ]:
        convert(tidemill, FOLDERS[name], tmp_path / "model.gguf", *arguments)
        for tensor in gguf.GGUFReader(tmp_path / "model.gguf").tensors:
            assert tensor.tensor_type.name == (expected if len(tensor.shape) > 1 else "F32"), tensor.name


def test_a_gguf_stays_bit_for_bit(tidemill, tmp_path, tiny_model):
    """Blocks, metadata and the order of both; only the alignment is our own."""
    convert(tidemill, tiny_model, tmp_path / "model.gguf")
    source, written = (gguf.GGUFReader(path) for path in (tiny_model, tmp_path / "model.gguf"))
    assert [tensor.name for tensor in source.tensors] == [tensor.name for tensor in written.tensors]
    for one, other in zip(source.tensors, written.tensors):
        assert one.tensor_type == other.tensor_type and list(one.shape) == list(other.shape)
        assert np.array_equal(one.data, other.data)
    for key, field in source.fields.items():
        if not key.startswith("GGUF.") and key != "general.alignment":
            assert written.get_field(key).contents() == field.contents(), key
    convert(tidemill, tiny_model, tmp_path / "wide.gguf", "--dtype", "f32")
    ids = [2, 5, 9, 17, 33]
    found = np.array(tidemill.logits(tmp_path / "wide.gguf", ids)["logits"])
    expected = np.array(tidemill.logits(tiny_model, ids, "--precision", "f32")["logits"])
    assert np.abs(found - expected).max() < 1e-5 * np.ptp(expected)


TEXTS = ["The tide mill stood", " two  spaces\n\nand 1234567 digits", "naïve café, 東京 🙂", "", "don't <|end|> stop"]


def tokenizer_folder(tidemill, tmp_path, folder, **options):
    """`folder`'s model with a tokenizer trained on a few lines."""
    text = tmp_path / "text.txt"
    text.write_text("The tide mill stood at the edge of the village, where the river met the sea. 12 345 don't\n" * 20)
    target = with_config(FOLDERS[folder], tmp_path / "folder", bos_token_id=0, eos_token_id=1)
    done = tidemill.run("tokenize", "train", "--vocab-size", options.pop("vocab_size"), "--special", "<|start|>",
                        "--special", "<|end|>", *options.pop("arguments"), "--out", target / "tokenizer.json", text)  # fmt: skip
    assert done.returncode == 0, done.stderr
    return target


@pytest.mark.parametrize("pattern", ["gpt2", "llama3", "qwen2"])
def test_tokenizers_of_bytes(tidemill, tmp_path, pattern):
    vocab_size = json.loads((FOLDERS["gpt2-tied"] / "config.json").read_text())["vocab_size"]
    folder = tokenizer_folder(tidemill, tmp_path, "gpt2-tied", vocab_size=min(300, vocab_size),
                              arguments=["--pattern", pattern])  # fmt: skip
    path = tmp_path / "model.gguf"
    convert(tidemill, folder, path)
    for text in TEXTS:
        one, other = (tidemill.run("tokenize", model, "--text", text).stdout for model in (folder, path))
        assert one == other, text
    fields = gguf.GGUFReader(path).fields
    assert len(fields["tokenizer.ggml.tokens"].contents()) == vocab_size
    assert fields["tokenizer.ggml.bos_token_id"].contents() == 0
