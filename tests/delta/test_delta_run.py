"""Models run and served as base and delta, without a merged file: what they say is what the fine-tune itself says."""

import concurrent.futures
import contextlib
import re
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


@contextlib.contextmanager
def serving_fine_tunes(tidemill, chat_model, deltas, *options):
    with serving(tidemill, "--model", f"base={chat_model}", "--delta", deltas[1], "--delta", f"legal={deltas[0]}",
                 "--threads", "1", "--max-running", "6", *options) as server:  # fmt: skip
        yield server


def text_of(server, model, headers=None):
    body = {"model": model, "prompt": "The mill", "max_tokens": 12, "temperature": 0}
    status, _, answer = server.ask("POST", "/v1/completions", body, headers)
    assert status == 200, answer
    return answer["choices"][0]["text"]


@pytest.fixture(scope="module")
def expected(tidemill, chat_model, fine_tunes):
    """What each model writes alone."""
    words = ["--prompt", "The mill", "-n", "12", "--temperature", "0"]
    paths = {"base": chat_model, "legal": fine_tunes[0][0], "code": fine_tunes[0][1]}
    return {name: tidemill.json("run", path, *words)["text"] for name, path in paths.items()}


def test_one_server_with_two_deltas(tidemill, chat_model, fine_tunes, expected):
    with serving_fine_tunes(tidemill, chat_model, fine_tunes[1]) as server:
        listed = [model["id"] for model in server.ask("GET", "/v1/models")[2]["data"]]
        assert listed == ["base", "code", "legal"]
        assert sum("a fine-tune of 'base'" in line for line in server.lines) == 2
        assert len(set(expected.values())) == 3
        for name in ["base", "legal", "code", "base"]:
            assert text_of(server, name) == expected[name]


@pytest.mark.parametrize("options", [[], ["--delta-memory-mib", "0"], ["--speculate", "0"], ["--head", "plain"]])
def test_requests_for_all_of_them_at_once(tidemill, chat_model, fine_tunes, expected, options):
    with serving_fine_tunes(tidemill, chat_model, fine_tunes[1], *options) as server:
        names = ["legal", "base", "code"] * 4
        with concurrent.futures.ThreadPoolExecutor(12) as pool:
            texts = list(pool.map(lambda name: text_of(server, name), names))
        assert texts == [expected[name] for name in names]


def metric(server, name):
    found = re.findall(rf"^{name}{{(.*)}} (\S+)$", server.ask("GET", "/metrics")[2].decode(), re.MULTILINE)
    return {
labels: float(value) for labels, value in found}


def test_what_fine_tunes_take_is_seen_in_the_metrics(tidemill, chat_model, fine_tunes):
    with serving_fine_tunes(tidemill, chat_model, fine_tunes[1], "--delta-memory-mib", "1") as server:
        text_of(server, "legal")
        label = 'model="base"'
        assert list(metric(server, "tidemill_steps_total")) == [label], "one service runs them all"
        assert metric(server, "tidemill_delta_limit_bytes")[label] == 1 << 20
        assert 0 < metric(server, "tidemill_delta_bytes")[label] < 1 << 20
        assert metric(server, "tidemill_delta_misses_total")[label] > 0
        assert metric(server, "tidemill_delta_hits_total")[label] > 0
        assert metric(server, "tidemill_delta_evictions_total")[label] == 0


ADMIN = {"Authorization": "Bearer 0123456789abcdef-admin"}


def test_fine_tunes_come_and_go(tidemill, chat_model, fine_tunes, expected, tmp_path):
    files, deltas = fine_tunes
    with serving(tidemill, "--model", f"base={chat_model}", "--threads", "1",
                 "--api-key", "ops:0123456789abcdef-admin infer,admin") as server:  # fmt: skip

        def load(**body):
            return server.ask("POST", "/v1/models", body, ADMIN)

        assert load(id="legal", delta=str(deltas[0]))[2]["id"] == "legal"
        assert load(id="code", delta=str(deltas[1]), base="base")[0] == 201
        assert text_of(server, "legal", ADMIN) == expected["legal"]
        assert server.ask("DELETE", "/v1/models/legal", headers=ADMIN)[0] == 200
        assert server.ask("POST", "/v1/completions", {"model": "legal", "prompt": "x"}, ADMIN)[0] == 404
        assert text_of(server, "code", ADMIN) == expected["code"]

        damaged = tmp_path / "damaged.tmdelta"
        damaged.write_bytes(deltas[0].read_bytes()[:-9])
        of_another = tmp_path / "of_another.tmdelta"
        tidemill.json("delta", "make", files[0], files[1], of_another)
        for body, status, said in [
            ({"delta": str(deltas[0]), "base": "nobody"}, 404, "is not served here"),
            ({"delta": str(tmp_path / "none.tmdelta")}, 400, "none.tmdelta"),
            ({"delta": str(damaged)}, 400, "damaged.tmdelta"),
            ({"delta": str(of_another)}, 400, "not the base of"),
            ({"delta": ""}, 400, "'delta'"),
            ({"delta": str(deltas[0]), "path": str(files[0])}, 400, "one of them"),
            ({}, 400, "'path'"),
        ]:
            found, _, answer = load(id="wrong", **body)
            assert (found, said in answer["error"]["message"]) == (status, True), answer
        assert text_of(server, "base", ADMIN) == expected["base"]
        # The base may go before what is over it.
        assert server.ask("DELETE", "/v1/models/base", headers=ADMIN)[0] == 200
        assert text_of(server, "code", ADMIN) == expected["code"]


def test_another_configuration_becomes_a_model_of_its_own(tidemill, chat_model, tmp_path):
    content = bytearray(chat_model.read_bytes())
    at = content.index(b"gemma3.attention.layer_norm_rms_epsilon") + len("gemma3.attention.layer_norm_rms_epsilon") + 4
    content[at : at + 4] = np.float32(1e-3).tobytes()
    tuned = tmp_path / "tuned.gguf"
    tuned.write_bytes(bytes(content))
    tidemill.json("delta", "make", chat_model, tuned, tmp_path / "d.tmdelta")
    with serving(tidemill, "--model", f"base={chat_model}", "--delta", f"other={tmp_path / 'd.tmdelta'}",
                 "--threads", "1") as server:  # fmt: skip
        said = [line for line in server.lines if "model of its own" in line]
        assert len(said) == 1 and "layer_norm_rms_epsilon" in said[0]
        assert text_of(server, "other") == tidemill.json(
            "run", tuned, "--prompt", "The mill", "-n", "12", "--temperature", "0")["text"]  # fmt: skip


def test_fine_tunes_of_a_quantised_base(tidemill, gemma_model, tmp_path):
    gguf = pytest.importorskip("gguf")
    base, content = gemma_model, bytearray(gemma_model.read_bytes())
    for tensor in gguf.GGUFReader(base).tensors:
        if tensor.tensor_type.name != "Q8_0":
            continue
        begin, n = tensor.data_offset, int(tensor.n_bytes)
        codes = np.frombuffer(content[begin : begin + n], np.uint8).reshape(-1, 34).copy()
        codes[::3, 5] ^= 0x15
        content[begin : begin + n] = codes.tobytes()
    tuned, delta = tmp_path / "tuned.gguf", tmp_path / "tuned.tmdelta"
    tuned.write_bytes(bytes(content))
    tidemill.json("delta", "make", base, tuned, delta)
    with serving(tidemill, "--model", f"base={base}", "--delta", delta, "--ctx", "512") as server:
        assert any("a fine-tune of 'base'" in line for line in server.lines)
        expected = {
            name: tidemill.json("run", path, "--prompt", "The mill", "-n", "12", "--temperature", "0")["text"]
            for name, path in [("base", base), ("tuned", tuned)]
        }
        assert expected["base"] != expected["tuned"]
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            names = ["base", "tuned"] * 2
            assert list(pool.map(lambda name: text_of(server, name), names)) == [expected[name] for name in names]


def test_a_wrong_delta_ends_the_server_before_it_serves(tidemill, chat_model, fine_tunes):
    files, deltas = fine_tunes
    done = tidemill.run("serve", "--model", files[0], "--delta", deltas[1], "--port", "0")
    assert done.returncode == 3 and "not the base of" in done.stderr
    done = tidemill.run("serve", "--model", f"a={chat_model}", "--delta", f"a={deltas[1]}", "--port", "0")
    assert done.returncode == 2 and "given twice" in done.stderr


def nudged_folder(base, out, every=2):
    shutil.copytree(base, out)
    tensors = safetensors.numpy.load_file(out / "model.safetensors")
    for name in list(tensors)[::every]:
        if tensors[name].dtype == np.float32:
            tensors[name] = tensors[name] * np.float32(1.25)
    safetensors.numpy.save_file(tensors, out / "model.safetensors", {"format": "pt"})
    return out


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
