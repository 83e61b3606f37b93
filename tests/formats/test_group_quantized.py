"""Weights that AWQ, GPTQ and compressed-tensors quantised: read, run and written to the values of the tools' own code."""

import json
import os
import pathlib
import subprocess

import gguf
import numpy as np
import pytest
from group_files import CONFIG, PACK, UNPACK, Groups, Kind, make_folders, quantize
from safetensors.numpy import load_file, save_file
from test_tmill import tmill

ROOT = pathlib.Path(__file__).resolve().parents[2]
TOOL = pathlib.Path(os.environ.get("TIDEMILL_BUILD", ROOT / "build/release")) / "group_pack_tool"
IDS = [3, 17, 5, 90, 41, 8, 77, 2, 2, 63, 30]

KINDS = [
    Kind("awq"), Kind("awq", group_size=32), Kind("awq", group_size=64), Kind("awq", group_size=-1),
    Kind("gptq"), Kind("gptq", sym=True, group_size=32), Kind("gptq", group_size=-1), Kind("gptq", act_order=True),
    Kind("gptq", bits=8, sym=True), Kind("gptq", bits=8, group_size=64), Kind("gptq", bits=2, group_size=64),
    Kind("gptq", bits=3), Kind("gptq", bits=8, sym=True, group_size=32, act_order=True),
    Kind("gptq_v2"), Kind("gptq_v2", bits=3, group_size=32, sym=True), Kind("gptq_v2", act_order=True, group_size=64),
    Kind("compressed-tensors", scale="bf16"), Kind("compressed-tensors", sym=True, scale="bf16"),
    Kind("compressed-tensors", sym=True, group_size=32, act_order=True), Kind("compressed-tensors", group_size=-1),
    Kind("compressed-tensors", bits=8, sym=True, group_size=-1, scale="bf16"), Kind("compressed-tensors", bits=8),
    Kind("compressed-tensors", group_size=64, scale="f32"), Kind("compressed-tensors", bits=5, group_size=32),
    Kind("compressed-tensors", bits=5, group_size=32, whole=True), Kind("compressed-tensors", bits=3, whole=True),
]  # fmt: skip


def convert(tidemill, source, target, *arguments):
    done = tidemill.run("convert", source, target, *arguments)
    assert done.returncode == 0, done.stderr


def logits(tidemill, model, *arguments):
    return np.array(tidemill.logits(model, IDS, *arguments)["logits"], np.float32)


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_values_and_logits(tidemill, tmp_path, kind):
    """Every value is the reference's, bit for bit, and the model computes what it computes from those values."""
    quantised, plain, expected = make_folders(tmp_path, kind)
    convert(tidemill, quantised, tmp_path / "out.safetensors", "--dtype", "f32")
    found = load_file(tmp_path / "out.safetensors")
    assert set(found) == set(expected)
    for name, values in expected.items():
        np.testing.assert_array_equal(found[name], values, err_msg=name)
    truth = logits(tidemill, plain, "--precision", "f32")
    close = logits(tidemill, quantised, "--precision", "f32")
    np.testing.assert_allclose(close, truth, rtol=0, atol=2e-5 * np.ptp(truth))
    for prefill in (1, len(IDS)):  # row by row, and all at once
        usual = logits(tidemill, quantised, "--prefill", prefill)
        np.testing.assert_allclose(usual, truth, rtol=0, atol=1e-2 * np.ptp(truth))


@pytest.mark.parametrize("kind", KINDS[::3], ids=str)
def test_through_a_tmill(tidemill, tmp_path, kind):
    """Packed once, with the order of columns, the model computes the same bits; the decoder of the docs reads it."""
    quantised, _, expected = make_folders(tmp_path, kind)
    convert(tidemill, quantised, tmp_path / "model.tmill")
    model = tmill.Tmill(tmp_path / "model.tmill")
    for ours, theirs in [("blk.0.attn_k", "model.layers.0.self_attn.k_proj"), ("blk.1.ffn_down", "model.layers.1.mlp.down_proj")]:
        np.testing.assert_array_equal(model.tensor(f"{ours}.weight"), expected[f"{theirs}.weight"])
    np.testing.assert_array_equal(logits(tidemill, tmp_path / "model.tmill"), logits(tidemill, quantised))


def run_tool(format, kind, m, out):
    arguments = [format, kind.bits, kind.group_size, int(not kind.sym), kind.scale, *m.q.shape, int(kind.act_order), out]
    order = m.g_idx.astype("<i4").tobytes() if kind.act_order else b""
    data = m.q.tobytes() + m.scales.astype("<f4").tobytes() + m.zeros.astype("<f4").tobytes() + order
    return subprocess.run([TOOL, *map(str, arguments)], input=data, capture_output=True)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if not kind.whole], ids=str)
def test_writers(tmp_path, kind):
    """The same bytes as the tools pack, which read them to the same numbers."""
    random = np.random.default_rng(3)
    m = quantize(random.normal(0, 0.06, (96, 384)).astype(np.float32), kind, random)
    m.zeros[0, :2] = 0 if not kind.sym else m.zeros[0, :2]  # what GPTQ's first version has to borrow for
    done = run_tool(kind.format, kind, m, tmp_path / "out.safetensors")
    assert done.returncode == 0, done.stderr
    found, expected = load_file(tmp_path / "out.safetensors"), PACK[kind.format](m, kind)
    assert set(found) == {f"layer.{name}" for name in expected}
    for name, values in expected.items():
        assert found[f"layer.{name}"].dtype == values.dtype
        np.testing.assert_array_equal(found[f"layer.{name}"], values, err_msg=name)
    read = UNPACK[kind.format]({name.removeprefix("layer."): values for name, values in found.items()}, kind)
    assert isinstance(read, Groups)
    np.testing.assert_array_equal(read.values(), m.values())


def test_as_a_plain_folder(tidemill, tmp_path):
    """The folder's configuration no longer speaks of what the weights no longer are."""
    quantised, _, expected = make_folders(tmp_path, Kind("gptq", act_order=True))
    done = tidemill.run("convert", quantised, f"{tmp_path}/out/")
    assert done.returncode == 2 and "q4_g128" in done.stderr and "--dtype" in done.stderr
    convert(tidemill, quantised, f"{tmp_path}/out/", "--dtype", "f32")
    assert "quantization_config" not in json.loads((tmp_path / "out/config.json").read_text())
    found = load_file(tmp_path / "out/model.safetensors")
    for name, values in expected.items():
        np.testing.assert_array_equal(found[name], values, err_msg=name)


def test_as_gguf(tidemill, tmp_path):
    """Symmetric codes become Q4_0 and Q8_0, as exactly; others GGUF has no type for."""
    for number, (bits, name) in enumerate([(4, "Q4_0"), (8, "Q8_0")]):
        folder = tmp_path / str(number)
        folder.mkdir()
        quantised, _, expected = make_folders(folder, Kind("gptq", bits=bits, sym=True))
        path = folder / "model.gguf"
        convert(tidemill, quantised, path)
        tensors = {tensor.name: tensor for tensor in gguf.GGUFReader(path).tensors}
        down = tensors["blk.1.ffn_down.weight"]
        assert down.tensor_type.name == name
        found = gguf.quants.dequantize(down.data, down.tensor_type)
        np.testing.assert_array_equal(found, expected["model.layers.1.mlp.down_proj.weight"])
    folder = tmp_path / "asymmetric"
    folder.mkdir()
    quantised, _, _ = make_folders(folder, Kind("awq"))
    done = tidemill.run("convert", quantised, folder / "model.gguf")
    assert done.returncode == 2 and "is q4_g128, which GGUF does not have" in done.stderr


def test_info(tidemill, tmp_path):
    quantised, _, expected = make_folders(tmp_path, Kind("awq"))
    info = tidemill.json("info", quantised)
    assert info["runnable"] and info["parameters"] == sum(values.size for values in expected.values())
    tensors = {tensor["name"]: tensor for tensor in info["tensors"]}
    assert set(tensors) == set(expected)
    assert tensors["model.layers.0.mlp.up_proj.weight"]["dtype"] == "q4_g128"


REFUSED = [
    ({"quant_method": "fp8"}, "quantization_config.quant_method"),
    ({"quant_method": "bitsandbytes", "load_in_4bit": True}, "quantization_config.quant_method"),
    ({"quant_method": "awq", "version": "gemv"}, "quantization_config.version"),
    ({"quant_method": "gptq", "checkpoint_format": "marlin"}, "quantization_config.checkpoint_format"),
    ({"quant_method": "compressed-tensors", "format": "nvfp4-pack-quantized"}, "quantization_config.format"),
]


@pytest.mark.parametrize("quantization, field", REFUSED, ids=lambda value: str(value)[:60])
def test_what_is_not_read_is_named(tidemill, tmp_path, quantization, field):
    quantised, _, _ = make_folders(tmp_path, Kind("awq"))
    (quantised / "config.json").write_text(json.dumps({**CONFIG, "quantization_config": quantization}))
    done = tidemill.run("logits", quantised, "--ids-file", "-", stdin='{"ids":[1,2]}')
    assert done.returncode == 3 and f"config.json: {field} is " in done.stderr, done.stderr
    assert done.stderr.count("\n") == 1


def test_damaged_tensors_are_named(tidemill, tmp_path):
    quantised, _, _ = make_folders(tmp_path, Kind("gptq", act_order=True))
    tensors = load_file(quantised / "model.safetensors")
    name = "model.layers.1.mlp.down_proj.g_idx"
    for value in (-1, 3, 2**31 - 1):
        tensors[name][100] = value
        save_file(tensors, quantised / "model.safetensors")
        for command in (["logits", quantised, "--ids-file", "-"], ["convert", quantised, tmp_path / "out.tmill"]):
            done = tidemill.run(*command, stdin='{"ids":[1,2]}')
            assert done.returncode == 3 and f"tensor '{name}' says that input 100 is in group {value}" in done.stderr
            assert not (tmp_path / "out.tmill").exists()


def test_biases_that_old_gptq_files_have(tidemill, tmp_path):
    """AutoGPTQ wrote zeros as biases of all layers, also of those that have none."""
    quantised, plain, _ = make_folders(tmp_path, Kind("gptq"))
    tensors = load_file(quantised / "model.safetensors")
    biases = {name.replace("qweight", "bias"): np.zeros(values.shape[1], np.float16)
              for name, values in tensors.items() if name.endswith("qweight")}  # fmt: skip
    save_file(tensors | biases, quantised / "model.safetensors")
    truth = logits(tidemill, plain, "--precision", "f32")
    np.testing.assert_allclose(logits(tidemill, quantised), truth, rtol=0, atol=1e-2 * np.ptp(truth))
