"""ONNX files as torch.onnx writes them (scripts/golden/make_onnx.py) give what ONNX Runtime gives."""

import json
import os
import pathlib
import shutil
import sys

import numpy as np
import onnx
import onnxruntime
import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "embed"))

from sentence_folders import TEXTS, make_tokenizer, module  # noqa: E402

FILES = sorted((pathlib.Path(__file__).parent / "onnx").glob("*.onnx"))
LENGTHS = [1, 2, 5, 19, 39]


def session(path):
    options = onnxruntime.SessionOptions()
    options.log_severity_level, options.intra_op_num_threads = 3, 1
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def by_runtime(path, ids, types=None, mask=None):
    """The outputs for texts of equal length, or padded with a mask."""
    running = session(path)
    given = {"input_ids": np.array(ids), "attention_mask": np.ones_like(ids) if mask is None else np.array(mask)}
    given["token_type_ids"] = np.zeros_like(ids) if types is None else np.array(types)
    names = [one.name for one in running.get_inputs()]
    return running.run(None, {name: value.astype(np.int64) for name, value in given.items() if name in names})


def states(tidemill, path, ids, types=None):
    given = {"ids": ids} | ({"types": types} if types else {})
    return np.array(tidemill.json("logits", path, "--ids-file", "-", stdin=json.dumps(given))["hidden"], np.float32)


def expect_close(found, expected):
    np.testing.assert_allclose(found, expected, atol=1e-4, rtol=0)
    for one, other in zip(found.reshape(-1, found.shape[-1]), expected.reshape(-1, expected.shape[-1]), strict=True):
        assert one @ other >= 0.99999 * np.linalg.norm(one) * np.linalg.norm(other)


def test_there_are_files_of_both_exporters():
    assert len(FILES) == 11 and sum("dynamo" in path.stem for path in FILES) == 4


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_hidden_states(tidemill, path):
    rng = np.random.default_rng(3)
    for length in LENGTHS:
        ids = rng.integers(5, 60, length).tolist()
        has_types = "bert-" in path.stem and path.stem.startswith("bert")
        types = [0] * (length // 2) + [1] * (length - length // 2) if has_types else None
        expected = by_runtime(path, [ids], None if types is None else [types])[0][0]
        expect_close(states(tidemill, path, ids, types), expected)


@pytest.mark.parametrize("name", ["roberta-14", "roberta-dynamo", "mpnet-17"])
def test_padding_within_a_text_counts_for_no_position(tidemill, name):
    path = next(path for path in FILES if path.stem == name)
    ids = [5, 9, 1, 1, 33, 7, 1, 40]
    expect_close(states(tidemill, path, ids), by_runtime(path, [ids])[0][0])


def bert_folder(folder, file="bert-pooled-17", place="onnx/model.onnx", modules=True):
    (folder / place).parent.mkdir(parents=True, exist_ok=True)
    model = onnx.load(next(path for path in FILES if path.stem == file))
    # More tokens than the graph was made with, for the tokenizer that tests share.
    for tensor in model.graph.initializer:
        if tensor.name.endswith("word_embeddings.weight"):
            table = onnx.numpy_helper.to_array(tensor)
            tensor.CopyFrom(onnx.numpy_helper.from_array(np.concatenate([table, 0.5 * table]), tensor.name))
    onnx.save(model, folder / place)
    make_tokenizer().save(str(folder / "tokenizer.json"))
    (folder / "sentence_bert_config.json").write_text(json.dumps({"max_seq_length": 30}))
    if modules:
        (folder / "1_Pooling").mkdir()
        (folder / "1_Pooling/config.json").write_text(json.dumps({"word_embedding_dimension": 16, "pooling_mode_cls_token": True}))
        kinds = [module(0, "Transformer", ""), module(1, "Pooling", "1_Pooling"), module(2, "Normalize", "2_Normalize")]
        (folder / "modules.json").write_text(json.dumps(kinds))
    return folder


def padded(folder, texts):
    tokenizer = make_tokenizer()
    tokenizer.enable_truncation(30)
    tokenizer.enable_padding()
    encodings = tokenizer.encode_batch([text.strip() for text in texts])
    return np.array([one.ids for one in encodings]), np.array([one.attention_mask for one in encodings])


def embed(tidemill, model, texts):
    lines = "".join(json.dumps({"text": text}) + "\n" for text in texts)
    done = tidemill.run("embed", model, "--stdin-jsonl", stdin=lines)
    assert done.returncode == 0, done.stderr
    return np.array([json.loads(line)["embedding"] for line in done.stdout.splitlines()])


def test_the_graphs_own_vectors(tidemill, tmp_path):
    """A batch with padding, empty and long texts and other scripts, without a word about pooling beside the graph."""
    folder = bert_folder(tmp_path / "model", modules=False)
    ids, mask = padded(folder, TEXTS)
    expected = by_runtime(folder / "onnx/model.onnx", ids, mask=mask)[1]
    expect_close(embed(tidemill, folder / "onnx/model.onnx", TEXTS), expected)
    expect_close(embed(tidemill, folder, TEXTS), expected)


@pytest.mark.parametrize("place", ["onnx/model.onnx", "model.onnx"])
def test_a_folder_of_sentence_transformers(tidemill, tmp_path, place):
    folder = bert_folder(tmp_path / "model", place=place)
    ids, mask = padded(folder, TEXTS)
    first = by_runtime(folder / place, ids, mask=mask)[0][:, 0]
    expect_close(embed(tidemill, folder, TEXTS), first / np.linalg.norm(first, axis=1, keepdims=True))


def test_a_pooling_that_is_not_known_is_the_graphs_own(tidemill, tmp_path):
    folder = bert_folder(tmp_path / "model", modules=False)
    model = onnx.load(folder / "onnx/model.onnx")
    model.graph.output[1].name = "doubled"
    model.graph.node.append(onnx.helper.make_node("Mul", ["sentence_embedding", "sentence_embedding"], ["doubled"]))
    del model.graph.output[0]
    onnx.save(model, folder / "onnx/model.onnx")
    ids, mask = padded(folder, TEXTS)
    expect_close(embed(tidemill, folder, TEXTS), by_runtime(folder / "onnx/model.onnx", ids, mask=mask)[0])


def test_info(tidemill):
    found = tidemill.json("info", FILES[0])
    assert found["runnable"] and found["format"].startswith("onnx") and found["tokenizer"]["vocab_size"] == 60


def changed(tmp_path, change, name="bert-pooled-17"):
    model = onnx.load(next(path for path in FILES if path.stem == name))
    change(model.graph)
    onnx.save(model, tmp_path / "model.onnx")
    return tmp_path / "model.onnx"


def rename(graph):
    next(node for node in graph.node if node.op_type == "Softmax").op_type = "Softmaxx"


def cycle(graph):
    node = next(node for node in graph.node if node.op_type == "Softmax")
    node.input[0] = graph.node[-1].output[0]


def no_ids(graph):
    for node in graph.node:
        node.input[:] = ["ids" if name == "input_ids" else name for name in node.input]
    next(one for one in graph.input if one.name == "input_ids").name = "ids"


def other_shape(graph):
    tensor = next(one for one in graph.initializer if one.name.endswith("query.bias"))
    tensor.CopyFrom(onnx.numpy_helper.from_array(np.zeros(7, np.float32), tensor.name))


def huge(graph):
    next(one for one in graph.initializer if one.name.endswith("query.bias")).dims[0] = 1 << 40


@pytest.mark.parametrize(
    "change, words",
    [(rename, "'Softmaxx' is not known"), (cycle, "cycle"), (no_ids, "'ids'"), (other_shape, "Add"), (huge, "ask for")],
)
def test_files_that_do_not_fit_are_refused(tidemill, tmp_path, change, words):
    done = tidemill.run("logits", changed(tmp_path, change), "--ids-file", "-", "--json", stdin='{"ids":[1]}')
    assert done.returncode == 3 and words in done.stderr and done.stderr.count("\n") == 1, done.stderr


def test_a_graph_stays_a_graph(tidemill, tmp_path):
    done = tidemill.run("convert", FILES[0], tmp_path / "model.gguf")
    assert done.returncode == 3 and "graph" in done.stderr


def test_all_minilm(tidemill, tmp_path):
    """The real model, where TIDEMILL_ONNX_MINILM names an export of it with its tokenizer beside it."""
    path = os.environ.get("TIDEMILL_ONNX_MINILM", "")
    if not path:
        pytest.skip("TIDEMILL_ONNX_MINILM names no file")
    ids = [101, 1996, 10401, 4971, 2768, 102] * 20
    expect_close(states(tidemill, path, ids), by_runtime(path, [ids])[0][0])
