"""`tidemill convert`: what it prints, what it refuses, and that OUT is whole or not there."""

import os
import pathlib
import resource
import signal
import subprocess
import time

import pytest
from test_cli import expect_error

MODELS = pathlib.Path(__file__).resolve().parents[1] / "golden/models"


def test_the_summary_as_json(tidemill, tmp_path, tiny_model):
    told = tidemill.json("convert", tiny_model, tmp_path / "out.tmill")
    assert told["path"] == str(tmp_path / "out.tmill") and told["format"] == "tmill"
    assert told["tensors"] > 10 and told["seconds"] > 0
    size = (tmp_path / "out.tmill").stat().st_size
    assert 0.9 * size < told["bytes"] < size


@pytest.mark.parametrize(
    "arguments, status, fragments",
    [
        ([], 2, ["takes a model and the file to write"]),
        (["MODEL"], 2, ["takes a model and the file to write"]),
        (["MODEL", "OUT/model.pt"], 2, ["model.pt", "no format that can be written"]),
        (["MODEL", "OUT/model.onnx"], 3, ["model.onnx", "only encoders"]),
        (["MODEL", "OUT/no/such/model.gguf"], 3, ["make the folder first"]),
        (["MODEL", "OUT/no/such/folder/", "--dtype", "f32"], 3, ["folder above it"]),
        (["MODEL", "OUT/model.tmill", "--dtype", "f16"], 2, ["--dtype"]),
        (["MODEL", "OUT/model.safetensors", "--dtype", "q8_0"], 2, ["--dtype", "'q8_0'"]),
        (["missing.gguf", "OUT/model.tmill"], 3, ["missing.gguf", "no such file"]),
        (["MODEL", "OUT/no/such/model.tmill"], 3, ["make the folder first"]),
        (["OUT", "OUT/model.tmill"], 3, ["config.json"]),
    ],
)
def test_what_cannot_be_done_is_refused(tidemill, tmp_path, tiny_model, arguments, status, fragments):
    words = [word.replace("MODEL", str(tiny_model)).replace("OUT", str(tmp_path)) for word in arguments]
    expect_error(tidemill.run("convert", *words), status, *fragments)
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_an_error_and_leaves_nothing(tidemill, tmp_path, tiny_model):
    """A limit on the size of files fails as a full disk does, at any byte."""
    out = tmp_path / "out.tmill"
    assert tidemill.run("convert", tiny_model, out).returncode == 0
    whole = out.read_bytes()
    for limit in [0, 100, 4096, len(whole) // 2, len(whole) - 1]:
        done = subprocess.run(
            [tidemill.program, "convert", tiny_model, out],
            capture_output=True,
            text=True,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)),
        )
        expect_error(done, 1, "out.tmill", "free space")
        assert [path.name for path in tmp_path.iterdir()] == ["out.tmill"] and out.read_bytes() == whole


def big_model(path):
    """A GGUF that takes long enough to convert to be interrupted."""
    gguf = pytest.importorskip("gguf")
    np = pytest.importorskip("numpy")
    writer = gguf.GGUFWriter(path, "llama")
    for add, value in [
        (writer.add_context_length, 64), (writer.add_embedding_length, 64), (writer.add_block_count, 1),
        (writer.add_feed_forward_length, 64), (writer.add_head_count, 2), (writer.add_layer_norm_rms_eps, 1e-5),
        (writer.add_tokenizer_model, "no_vocab"),
    ]:  # fmt: skip
        add(value)
    writer.add_tensor("token_embd.weight", np.zeros((400_000, 64), np.float32))
    for name in ("attn_q", "attn_k", "attn_v", "attn_output", "ffn_gate", "ffn_up", "ffn_down"):
        writer.add_tensor(f"blk.0.{name}.weight", np.zeros((64, 64), np.float32))
    for name in ("blk.0.attn_norm", "blk.0.ffn_norm", "output_norm"):
        writer.add_tensor(f"{name}.weight", np.ones(64, np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def started(tidemill, model, out):
    """A conversion of which some megabytes are written."""
    process = subprocess.Popen([tidemill.program, "convert", model, out], stderr=subprocess.PIPE, text=True)
    while process.poll() is None:
        if any(path.stat().st_size > 1 << 20 for path in out.parent.glob(".tidemill-*")):
            os.kill(process.pid, signal.SIGSTOP)
            if not out.exists():
                return process
            break
        time.sleep(0.0002)
    process.kill()
    process.wait()
    pytest.skip("the conversion was done before it could be stopped")


@pytest.mark.parametrize("how, status", [(signal.SIGKILL, -signal.SIGKILL), (signal.SIGINT, 130), (signal.SIGTERM, 130)])
def test_a_conversion_that_is_ended_leaves_no_file_of_that_name(tidemill, tmp_path, how, status):
    model = big_model(tmp_path / "model.gguf")
    out = tmp_path / "out" / "model.tmill"
    out.parent.mkdir()
    process = started(tidemill, model, out)
    os.kill(process.pid, how)
    os.kill(process.pid, signal.SIGCONT)
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == status, stderr
    assert not out.exists()
    if how != signal.SIGKILL:
        assert stderr.startswith("error: ") and list(out.parent.iterdir()) == []
    assert tidemill.run("convert", model, out).returncode == 0 and out.exists()
