"""Models run and served as base and delta, without a merged file: what they say is what the fine-tune itself says."""

import shutil
import sys

import numpy as np
import pytest
import safetensors.numpy
from model_pairs import ROOT

sys.path.insert(0, str(ROOT / "tests/serve"))
from server import serving  # noqa: E402

GOLDEN = ROOT / "tests/golden/models"


def tuned_gguf(gguf, base, out, seed):
    """A GGUF with other weights in some of its tensors."""
    content = bytearray(base.read_bytes())
    rng = np.random.default_rng(seed)
    for tensor in gguf.GGUFReader(base).tensors[seed % 3 :: 3]:
        if tensor.tensor_type.name != "F32" or "norm" not in tensor.name:
            continue
        begin, n = tensor.data_offset, int(tensor.n_bytes)
        values = np.frombuffer(content[begin : begin + n], np.float32) * (1 + rng.random(n // 4, np.float32))
        content[begin : begin + n] = values.astype(np.float32).tobytes()
    out.write_bytes(bytes(content))
    return out


@pytest.fixture(scope="module")
def fine_tunes(tidemill, chat_model, tmp_path_factory):
    """Two fine-tunes of the tiny Gemma that chats: files and deltas."""
    gguf = pytest.importorskip("gguf")
    folder = tmp_path_factory.mktemp("tunes")
    files = [tuned_gguf(gguf, chat_model, folder / f"{name}.gguf", seed) for seed, name in enumerate(["legal", "code"])]
    deltas = [path.with_suffix(".tmdelta") for path in files]
    for path, delta in zip(files, deltas, strict=True):
        tidemill.json("delta", "make", chat_model, path, delta)
    return files, deltas


IDS = [2, 5, 9, 13, 7, 30, 11]


def test_a_gguf_and_its_delta(tidemill, chat_model, fine_tunes):
    base = tidemill.logits(chat_model, IDS)["logits"]
    for path, delta in zip(*fine_tunes, strict=True):
        found = tidemill.logits(chat_model, IDS, "--delta", delta)["logits"]
        assert found == tidemill.logits(path, IDS)["logits"] != base


def test_text_of_a_delta_is_that_of_the_fine_tune(tidemill, chat_model, fine_tunes):
    words = ["--prompt", "The mill", "-n", "12", "--temperature", "0"]
    for path, delta in zip(*fine_tunes, strict=True):
        found = tidemill.json("run", chat_model, *words, "--delta", delta)
        assert found["ids"] == tidemill.json("run", path, *words)["ids"]


def test_a_folder_and_its_delta(tidemill, tmp_path):
    base = GOLDEN / "llama-gqa-untied"
    tuned = shutil.copytree(base, tmp_path / "tuned")
    tensors = safetensors.numpy.load_file(tuned / "model.safetensors")
    for name in list(tensors)[::2]:
        tensors[name] = tensors[name] * np.float32(1.25)
    safetensors.numpy.save_file(tensors, tuned / "model.safetensors", {"format": "pt"})
    for one, other in [(base, tuned), (base / "model.safetensors", tuned / "model.safetensors")]:
        delta = tmp_path / "d.tmdelta"
        tidemill.json("delta", "make", one, other, delta)
        found = tidemill.logits(one, [1, 5, 9, 13], "--delta", delta)["logits"]
        assert found == tidemill.logits(tuned, [1, 5, 9, 13])["logits"] != tidemill.logits(base, [1, 5, 9, 13])["logits"]


def test_a_wrong_base_is_refused(tidemill, chat_model, fine_tunes):
    files, deltas = fine_tunes
    done = tidemill.run("run", files[0], "--delta", deltas[1], "--prompt", "x", "-n", "1")
    assert done.returncode == 3 and "not the base of" in done.stderr and done.stderr.count("\n") == 1


def test_one_server_with_two_deltas(tidemill, chat_model, fine_tunes):
    files, deltas = fine_tunes
    with serving(tidemill, "--model", f"base={chat_model}", "--delta", deltas[1], "--delta", f"legal={deltas[0]}", "--threads", "1",
                 "--max-running", "2", "--prefix-cache-mib", "1") as server:  # fmt: skip
        listed = [model["id"] for model in server.ask("GET", "/v1/models")[2]["data"]]
        assert listed == ["base", "code", "legal"]
        for name, path in [("base", chat_model), ("legal", files[0]), ("code", files[1])]:
            answer = server.complete(model=name, prompt="The mill", max_tokens=12, temperature=0)
            expected = tidemill.json("run", path, "--prompt", "The mill", "-n", "12", "--temperature", "0")
            assert answer["choices"][0]["text"] == expected["text"]


def test_make_tells_what_the_delta_costs(tidemill, chat_model, fine_tunes, tmp_path):
    """--check: the perplexities that `perplexity` itself finds, and of a lossless delta those of the fine-tune."""
    text = tmp_path / "text.txt"
    text.write_text("The tide mill stood where the river met the sea. " * 5)
    tuned, delta = fine_tunes[0][0], tmp_path / "d.tmdelta"
    check = tidemill.json("delta", "make", chat_model, tuned, delta, "--check", text)["check"]
    for name, model in [("base", chat_model), ("tuned", tuned)]:
        expected = tidemill.json("perplexity", model, "--file", text, "--ctx", "2048", "--precision", "f32")
        assert check[f"perplexity_{name}"] == expected["perplexity"] and check["tokens"] == expected["tokens"]
    assert check["perplexity_restored"] == check["perplexity_tuned"] != check["perplexity_base"]
    told = tidemill.run("delta", "make", chat_model, tuned, delta, "--check", text).stdout
    assert f"perplexity over {check['tokens']} tokens: {check['perplexity_tuned']:.4f} restored" in told


def test_a_check_that_cannot_be_made_comes_before_the_work(tidemill, chat_model, fine_tunes, tmp_path):
    (tmp_path / "short.txt").write_text("")
    for text, fragment in [("short.txt", "too short"), ("missing.txt", "missing.txt")]:
        words = ["delta", "make", chat_model, fine_tunes[0][0], tmp_path / "d.tmdelta", "--check", tmp_path / text]
        done = tidemill.run(*words)
        assert done.returncode == 3 and fragment in done.stderr and done.stderr.count("\n") == 1
    assert not (tmp_path / "d.tmdelta").exists()
