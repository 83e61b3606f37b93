"""Tiny folders of sentence-transformers: the golden BERT with a tokenizer, and modules as a test wants them."""

import json
import pathlib
import shutil
import struct
import sys

import numpy as np
import tokenizers

ROOT = pathlib.Path(__file__).resolve().parents[2]
BERT = ROOT / "tests/golden/models/bert"
sys.path.insert(0, str(ROOT / "tests/golden"))

import encoder_numpy  # noqa: E402

D_MODEL = 48
TEXTS = ["the tide mill stood", "", "a", "mill " * 100, "ein Mühlrad 🌊 水车", "\u00a0 the tide \n", "the mill, the tide; the mill."]


def write_safetensors(path, weights):
    header, data = {}, b""
    for name, value in weights.items():
        part = value.astype(np.float32).tobytes()
        header[name] = {"dtype": "F32", "shape": list(value.shape), "data_offsets": [len(data), len(data) + len(part)]}
        data += part
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)


def make_tokenizer():
    letters = "abcdefghijklmnopqrstuvwxyz"
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    words = [*special, *letters, *("##" + c for c in letters), "the", "tide", "mill", ",", ".", ";"]
    tokenizer = tokenizers.Tokenizer(tokenizers.models.WordPiece({w: i for i, w in enumerate(words)}, unk_token="[UNK]"))
    tokenizer.normalizer = tokenizers.normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.BertPreTokenizer()
    around = [("[CLS]", 2), ("[SEP]", 3)]
    tokenizer.post_processor = tokenizers.processors.TemplateProcessing("[CLS] $A [SEP]", special_tokens=around)
    tokenizer.add_special_tokens(special)
    tokenizer.enable_truncation(9)  # the wrong length: sentence_bert_config.json counts
    tokenizer.enable_padding(length=9)
    return tokenizer


def module(index, kind, path):
    return {"idx": index, "name": str(index), "path": path, "type": f"sentence_transformers.models.{kind}"}


def make_folder(folder, pooling=("mean_tokens",), normalize=True, dense=None, max_length=40, prompts=None, **pooling_more):
    """`dense`: (weight, bias, activation_function)."""
    shutil.copytree(BERT, folder)
    make_tokenizer().save(str(folder / "tokenizer.json"))
    (folder / "sentence_bert_config.json").write_text(json.dumps({"max_seq_length": max_length, "do_lower_case": False}))
    (folder / "config_sentence_transformers.json").write_text(json.dumps(prompts or {}))
    modules = [module(0, "Transformer", ""), module(1, "Pooling", "1_Pooling")]
    (folder / "1_Pooling").mkdir()
    config = {"word_embedding_dimension": D_MODEL, **{f"pooling_mode_{name}": True for name in pooling}, **pooling_more}
    (folder / "1_Pooling/config.json").write_text(json.dumps(config))
    if dense:
        weight, bias, activation = dense
        (folder / "2_Dense").mkdir()
        fields = {"in_features": weight.shape[1], "out_features": weight.shape[0], "bias": bias is not None}
        (folder / "2_Dense/config.json").write_text(json.dumps(fields | {"activation_function": activation}))
        tensors = {"linear.weight": weight} | ({"linear.bias": bias} if bias is not None else {})
        write_safetensors(folder / "2_Dense/model.safetensors", tensors)
        modules.append(module(2, "Dense", "2_Dense"))
    if normalize:
        modules.append(module(len(modules), "Normalize", f"{len(modules)}_Normalize"))  # there is no such folder
    (folder / "modules.json").write_text(json.dumps(modules))
    return folder


def ids_of(folder, text, max_length=40):
    tokenizer = tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.enable_truncation(max_length)
    tokenizer.no_padding()
    return tokenizer.encode(text.strip()).ids


def hidden_of(folder, text, max_length=40):
    return encoder_numpy.hidden_states(folder, ids_of(folder, text, max_length)).astype(np.float64)


def unit(vector):
    return vector / np.linalg.norm(vector)
