"""`tidemill quantize`: the blocks it writes as the gguf package reads them, what it tells, what it refuses, and that OUT
is whole or not there."""

import json
import os
import pathlib
import resource
import shutil
import signal
import subprocess
import sys
import time

import gguf
import numpy as np
import pytest
import tokenizers
from safetensors.numpy import load_file, save_file
from small_llama import random_llama, tensors_of

TESTS = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(TESTS / "cli"))
from test_cli import expect_error  # noqa: E402

TYPES = ["q4_0", "q4_1", "q5_0", "q5_1", "q8_0", "q2_k", "q3_k", "q4_k", "q5_k", "q6_k", "iq4_nl", "iq4_xs"]


@pytest.fixture(scope="session")
def llama(tmp_path_factory):
    path = tmp_path_factory.mktemp("llama") / "llama.gguf"
    return path, random_llama(path)


def relative_error(found, original):
    return float(((found - original) ** 2).sum() / (original**2).sum())


@pytest.mark.parametrize("dtype", TYPES)
def test_blocks_are_read_as_they_were_meant(tidemill, tmp_path, llama, dtype):
    model, originals = llama
    out = tmp_path / "out.gguf"
    told = tidemill.json("quantize", model, out, "--type", dtype)
    found = tensors_of(out)
    by_name = {tensor["name"]: tensor for tensor in told["tensors"]}
    assert by_name.keys() == originals.keys()
    for name, original in originals.items():
        kind, numbers = found[name]
        assert kind == dtype.upper() and by_name[name]["format"] == dtype
        assert relative_error(numbers, original) == pytest.approx(by_name[name]["relative_error"], rel=1e-3)
    n_weights = sum(tensor.size for _, tensor in found.values())
    assert told["bits_per_weight"] == pytest.approx(8 * told["bytes"] / n_weights)
    assert 0.9 * out.stat().st_size < told["bytes"] < out.stat().st_size


@pytest.mark.parametrize("dtype", ["q4_0", "q4_1", "q5_0", "q5_1", "q8_0"])
def test_no_more_is_lost_than_by_the_gguf_package(tidemill, tmp_path, llama, dtype):
    model, originals = llama
    kind = gguf.GGMLQuantizationType[dtype.upper()]
    for flags, slack in [([], 1.0001), (["--keep-range"], 1.03)]:
        out = tmp_path / "out.gguf"
        tidemill.json("quantize", model, out, "--type", dtype, *flags)
        found = tensors_of(out)
        for name, original in originals.items():
            theirs = gguf.quants.dequantize(gguf.quants.quantize(original, kind), kind)
            assert relative_error(found[name][1], original) <= slack * relative_error(theirs, original)


@pytest.mark.parametrize(
    "bits, wide, narrow",
    [(2, "Q2_K", "IQ4_NL"), (3, "Q3_K", "IQ4_NL"), (4, "Q4_K", "Q5_0"), (5, "Q5_K", "Q5_1"), (6, "Q6_K", "Q8_0"), (8, "Q8_0", "Q8_0")],
)  # fmt: skip
def test_bits_choose_the_format_by_the_length_of_rows(tidemill, tmp_path, llama, bits, wide, narrow):
    random_llama(tmp_path / "narrow.gguf", d_model=96, d_ff=256)
    for model, expected in [(llama[0], wide), (tmp_path / "narrow.gguf", narrow)]:
        tidemill.json("quantize", model, tmp_path / "out.gguf", "--bits", bits)
        assert tensors_of(tmp_path / "out.gguf")["blk.0.attn_q.weight"][0] == expected
    assert gguf.GGUFReader(tmp_path / "out.gguf").get_field("general.quantization_version").contents() == 2


@pytest.mark.parametrize("flags, dtype", [([], "Q4_1"), (["--symmetric"], "Q4_0"), (["--bits", "5"], "Q5_1")])
def test_groups_of_32(tidemill, tmp_path, llama, flags, dtype):
    tidemill.json("quantize", llama[0], tmp_path / "out.gguf", "--group-size", "32", *flags)
    assert tensors_of(tmp_path / "out.gguf")["blk.1.ffn_down.weight"][0] == dtype


def test_a_tmill_gives_the_logits_of_the_gguf(tidemill, tmp_path, llama):
    for name in ("out.gguf", "out.tmill"):
        tidemill.json("quantize", llama[0], tmp_path / name, "--bits", "4")
    ids = [1, 70, 80, 90, 100]
    one, other = (np.array(tidemill.logits(tmp_path / name, ids)["logits"]) for name in ("out.gguf", "out.tmill"))
    assert np.array_equal(one, other)
    whole = np.array(tidemill.logits(llama[0], ids)["logits"])
    assert 0 < np.linalg.norm(one - whole) < 0.4 * np.linalg.norm(whole)


def test_what_is_quantised_already_is_dequantised_first(tidemill, tmp_path, llama):
    tidemill.json("quantize", llama[0], tmp_path / "first.gguf", "--bits", "8")
    tidemill.json("quantize", tmp_path / "first.gguf", tmp_path / "second.tmill", "--bits", "5")
    told = tidemill.json("quantize", tmp_path / "second.tmill", tmp_path / "third.gguf", "--bits", "4")
    assert {tensor["format"] for tensor in told["tensors"]} == {"q4_k"}
    assert tensors_of(tmp_path / "third.gguf")["output.weight"][0] == "Q4_K"


def test_results_do_not_depend_on_threads(tidemill, tmp_path, llama):
    files = []
    for threads in (1, 3):
        tidemill.json("quantize", llama[0], tmp_path / "out.gguf", "--bits", "3", "--threads", threads)
        files.append((tmp_path / "out.gguf").read_bytes())
    assert files[0] == files[1]


@pytest.fixture(scope="session")
def texts(tmp_path_factory):
    """A text to calibrate with and another, of words that come again and again."""
    rng = np.random.default_rng(3)
    words = ["tide", "mill", "grinds", "the", "corn", "of", "seven", "villages", "when", "water", "falls"]
    folder = tmp_path_factory.mktemp("texts")
    paths = []
    for name, n in [("calibration.txt", 700), ("eval.txt", 60)]:
        text = " ".join(words[i] for i in rng.integers(0, len(words), n))
        (folder / name).write_text(text, encoding="utf-8")
        paths.append(folder / name)
    return paths


def test_feedback_keeps_more_of_the_answers_than_rounding(tidemill, tmp_path, llama, texts):
    calibration, evaluation = texts
    losses = {}
    for method in ("rtn", "awq", "gptq"):
        flags = ["--calibration", calibration] if method != "rtn" else []
        told = tidemill.json(
            "quantize", llama[0], tmp_path / "out.gguf", "--method", method, "--bits", 3, "--eval", evaluation, *flags
        )
        assert {tensor["format"] for tensor in told["tensors"]} == {"q3_k"}
        assert told["eval"]["answers"] > 100 and told["eval"]["perplexity_before"] > 1
        losses[method] = told["eval"]["kl_divergence"]
    assert losses["gptq"] < 0.9 * losses["rtn"] and losses["awq"] < losses["rtn"]


def test_the_best_method_keeps_within_its_bits_and_loses_least(tidemill, tmp_path, llama, texts):
    calibration, evaluation = texts
    whole = ["--calibration", calibration, "--eval", evaluation]
    gptq = tidemill.json("quantize", llama[0], tmp_path / "out.gguf", "--method", "gptq", "--bits", 4, *whole)
    chart = tmp_path / "errors.svg"
    best = tidemill.json(
        "quantize", llama[0], tmp_path / "out.gguf", "--bits", gptq["bits_per_weight"], "--svg", chart, *whole
    )
    assert best["bits_per_weight"] <= gptq["bits_per_weight"]
    assert best["eval"]["kl_divergence"] < gptq["eval"]["kl_divergence"]
    assert chart.read_text(encoding="utf-8").count("<title>blk.") == 14
    fewer = tidemill.json("quantize", llama[0], tmp_path / "out.gguf", "--bits", 3.2, *whole)
    assert 3.0 < fewer["bits_per_weight"] <= 3.2
    assert fewer["eval"]["kl_divergence"] > best["eval"]["kl_divergence"]


def test_a_calibration_text_that_is_too_short_says_how_much_is_needed(tidemill, tmp_path, llama):
    (tmp_path / "short.txt").write_text("a few words", encoding="utf-8")
    done = tidemill.run("quantize", llama[0], tmp_path / "out.gguf", "--calibration", tmp_path / "short.txt")
    expect_error(done, 2, "--calibration", "tokens", "512 are needed")
    assert [path.name for path in tmp_path.iterdir()] == ["short.txt"]


def wider_bert(folder):
    """The golden Bert, as random numbers, with rows of whole blocks."""
    shutil.copytree(TESTS / "golden/models/bert", folder)
    rng = np.random.default_rng(4)
    sizes = {48: 64, 112: 128}
    weights = {}
    for name, tensor in load_file(folder / "model.safetensors").items():
        shape = [sizes.get(n, n) for n in tensor.shape]
        scale = 1 if "LayerNorm" in name else 1 / shape[-1] ** 0.5
        weights[name] = (scale * rng.standard_normal(shape)).astype(np.float32)
    save_file(weights, folder / "model.safetensors")
    config = json.loads((folder / "config.json").read_text()) | {"hidden_size": 64, "intermediate_size": 128}
    (folder / "config.json").write_text(json.dumps(config))
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "tide", "mill", "grinds", "the", "corn", "of", "seven", "villages", "when"]
    tokenizer = tokenizers.Tokenizer(tokenizers.models.WordPiece({word: i for i, word in enumerate(words)}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.BertPreTokenizer()
    tokenizer.save(str(folder / "tokenizer.json"))
    return folder


def test_encoders_are_calibrated_and_compared_by_their_vectors(tidemill, tmp_path, texts):
    model = wider_bert(tmp_path / "bert")
    lines = tmp_path / "lines.txt"
    words = texts[0].read_text(encoding="utf-8").split()
    lines.write_text("\n".join(" ".join(words[i : i + 7]) for i in range(0, 602, 7)), encoding="utf-8")
    losses = {}
    for method, bits in [("rtn", 4), ("gptq", 4), ("best", 5.6)]:
        flags = [] if method == "rtn" else ["--calibration", lines]
        told = tidemill.json(
            "quantize", model, tmp_path / "out.tmill", "--method", method, "--bits", bits, "--eval", lines, *flags
        )
        assert told["eval"]["answers"] == 86
        losses[method] = told["eval"]["one_less_cosine"]
    assert told["bits_per_weight"] <= 5.6
    assert losses["best"] < losses["gptq"] < losses["rtn"] < 0.02


@pytest.mark.parametrize(
    "arguments, status, fragments",
    [
        ([], 2, ["takes a model and the file or folder to write"]),
        (["MODEL", "OUT/model.onnx"], 2, ["model.onnx", "NAME.gguf, NAME.tmill or a folder"]),
        (["MODEL", "OUT/model.gguf", "--bits", "7"], 2, ["7 bits"]),
        (["MODEL", "OUT/model.gguf", "--bits", "17"], 2, ["--bits"]),
        (["MODEL", "OUT/model.gguf", "--group-size", "48"], 2, ["--group-size", "48"]),
        (["MODEL", "OUT/model.gguf", "--group-size", "32", "--bits", "3"], 2, ["--group-size", "3 bits"]),
        (["MODEL", "OUT/model.gguf", "--type", "q9_9"], 2, ["--type", "'q9_9'"]),
        (["MODEL", "OUT/model.gguf", "--type", "bf16"], 2, ["bf16"]),
        (["MODEL", "OUT/model.gguf", "--layout", "awq"], 2, ["--layout", "NAME/"]),
        (["MODEL", "OUT/model.gguf", "--method", "magic"], 2, ["--method", "'magic'"]),
        (["MODEL", "OUT/model.gguf", "--method", "gptq"], 2, ["--calibration", "gptq needs a text"]),
        (["MODEL", "OUT/model.gguf", "--bits", "4.5"], 2, ["--bits", "fractions"]),
        (["missing.gguf", "OUT/model.gguf"], 3, ["missing.gguf", "no such file"]),
        (["MODEL", "OUT/no/such/model.gguf"], 3, ["make the folder first"]),
    ],
)
def test_what_cannot_be_done_is_refused(tidemill, tmp_path, llama, arguments, status, fragments):
    words = [word.replace("MODEL", str(llama[0])).replace("OUT", str(tmp_path)) for word in arguments]
    expect_error(tidemill.run("quantize", *words), status, *fragments)
    assert list(tmp_path.iterdir()) == []


def test_weights_that_are_no_numbers_are_named(tidemill, tmp_path, llama):
    broken = bytearray(llama[0].read_bytes())
    reader = gguf.GGUFReader(llama[0])
    tensor = next(t for t in reader.tensors if t.name == "blk.1.ffn_up.weight")
    broken[tensor.data_offset + 4 * 300 : tensor.data_offset + 4 * 301] = np.float32("nan").tobytes()
    (tmp_path / "broken.gguf").write_bytes(broken)
    done = tidemill.run("quantize", tmp_path / "broken.gguf", tmp_path / "out.gguf")
    expect_error(done, 3, "broken.gguf", "blk.1.ffn_up.weight", "NaN")
    assert not (tmp_path / "out.gguf").exists()


def test_a_full_disk_is_an_error_and_leaves_the_old_file(tidemill, tmp_path, llama):
    out = tmp_path / "out.gguf"
    tidemill.json("quantize", llama[0], out)
    whole = out.read_bytes()
    for limit in [0, 4096, len(whole) // 2, len(whole) - 1]:
        done = subprocess.run(
            [tidemill.program, "quantize", llama[0], out],
            capture_output=True,
            text=True,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)),
        )
        expect_error(done, 1, "out.gguf", "free space")
        assert [path.name for path in tmp_path.iterdir()] == ["out.gguf"] and out.read_bytes() == whole


@pytest.mark.parametrize("how, status", [(signal.SIGKILL, -signal.SIGKILL), (signal.SIGINT, 130)])
def test_work_that_is_ended_leaves_the_old_file(tidemill, tmp_path, how, status):
    model = tmp_path / "big.gguf"
    random_llama(model, n_vocab=20_000)
    out = tmp_path / "out" / "model.gguf"
    out.parent.mkdir()
    out.write_bytes(b"old")
    for delay in (0.02, 0.1, 0.2):
        process = subprocess.Popen(
            [tidemill.program, "quantize", model, out, "--bits", "2", "--threads", "1"], stderr=subprocess.PIPE, text=True
        )
        time.sleep(delay)
        os.kill(process.pid, how)
        process.communicate(timeout=60)
        if process.returncode == 0:
            break
        # Before the program has begun to catch it the signal ends it as any other.
        assert process.returncode in (status, -how)
        assert out.read_bytes() == b"old"
