"""`tidemill quantize MODEL OUT/`: folders as AutoAWQ, GPTQModel and llm-compressor write them, read by NumPy step by step as
their documentation says, and by the engine; and the blocks of .tmill with a zero."""

import json
import pathlib
import sys

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

TESTS = pathlib.Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS / "cli"), str(TESTS / "formats")]
from group_files import CONFIG, UNPACK, Kind, linears, others, write_folder  # noqa: E402
from test_cli import expect_error  # noqa: E402
from test_tmill import tmill  # noqa: E402

IDS = [3, 17, 5, 90, 41, 8, 77, 2, 2, 63, 30]
KINDS = [
    Kind("awq"), Kind("awq", group_size=32), Kind("awq", group_size=-1), Kind("awq", group_size=64, sym=True),
    Kind("gptq"), Kind("gptq", bits=2, group_size=32), Kind("gptq", bits=3), Kind("gptq", bits=8, group_size=64, sym=True),
    Kind("gptq_v2", bits=3, group_size=32), Kind("gptq_v2", bits=4, group_size=-1, sym=True),
    *(Kind("compressed-tensors", bits=bits, group_size=64) for bits in (2, 3, 4, 5, 6, 8)),
    Kind("compressed-tensors", sym=True), Kind("compressed-tensors", bits=8, group_size=-1, sym=True),
]  # fmt: skip


def words_of(kind):
    return ["--layout", kind.format, "--bits", kind.bits, "--group-size", kind.group_size] + ["--symmetric"] * kind.sym


@pytest.fixture(scope="session")
def plain(tmp_path_factory):
    """A random Llama as a folder, with its tensors."""
    rng = np.random.default_rng(11)
    tensors = others(rng)
    for name, shape in linears():
        tensors[f"{name}.weight"] = (rng.standard_normal(shape) * 0.06).astype(np.float32)
    return write_folder(tmp_path_factory.mktemp("folders") / "plain", tensors, CONFIG), tensors


def unpacked(folder, kind):
    """Name -> values, of all tensors, by the layouts' documentation."""
    stored, values = load_file(folder / "model.safetensors"), {}
    codes = {"awq": "qweight", "compressed-tensors": "weight_packed"}.get(kind.format, "qweight")
    for name in [name.removesuffix(f".{codes}") for name in stored if name.endswith(f".{codes}")]:
        parts = {part.removeprefix(f"{name}."): stored.pop(part) for part in list(stored) if part.startswith(f"{name}.")}
        values[f"{name}.weight"] = UNPACK[kind.format](parts, kind).values()
    return stored | values, values


def relative_error(found, truth):
    return float(((found - truth) ** 2).sum() / (truth**2).sum())


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_values_are_those_that_the_layouts_say(tidemill, tmp_path, plain, kind):
    """Decoded in NumPy, and by our own reader to the same bits; as near to the originals as the report says."""
    folder, originals = plain
    told = tidemill.json("quantize", folder, f"{tmp_path}/out/", *words_of(kind))
    assert told["format"] == "folder"
    found, quantised = unpacked(tmp_path / "out", kind)
    assert {name: values.shape for name, values in found.items()} == {name: v.shape for name, v in originals.items()}
    errors = {tensor["name"]: tensor["relative_error"] for tensor in told["tensors"]}
    ours = {"model.layers.1.mlp.down_proj": "blk.1.ffn_down", "model.layers.0.self_attn.k_proj": "blk.0.attn_k"}
    for theirs, name in ours.items():
        error = relative_error(found[f"{theirs}.weight"], originals[f"{theirs}.weight"])
        assert error == pytest.approx(errors[f"{name}.weight"], rel=1e-3) and error < 4 * 0.25**kind.bits
    assert ("lm_head.weight" in quantised) == (kind.format != "awq")
    np.testing.assert_array_equal(found["model.embed_tokens.weight"], originals["model.embed_tokens.weight"])
    done = tidemill.run("convert", tmp_path / "out", tmp_path / "back.safetensors", "--dtype", "f32")
    assert done.returncode == 0, done.stderr
    back = load_file(tmp_path / "back.safetensors")
    for name, values in found.items():
        np.testing.assert_array_equal(back[name], values, err_msg=name)


@pytest.mark.parametrize("kind", KINDS[::4], ids=str)
def test_the_engine_runs_them(tidemill, tmp_path, plain, kind):
    tidemill.json("quantize", plain[0], f"{tmp_path}/out/", *words_of(kind))
    found, _ = unpacked(tmp_path / "out", kind)
    same = write_folder(tmp_path / "same", found, CONFIG)
    one, other = (
        np.array(tidemill.logits(model, IDS, "--precision", "f32")["logits"]) for model in (tmp_path / "out", same)
    )
    np.testing.assert_allclose(one, other, rtol=0, atol=2e-5 * np.ptp(other))


def test_configurations_are_those_of_the_tools(tidemill, tmp_path, plain):
    def quantization(*words):
        out = tmp_path / str(len(list(tmp_path.iterdir())))
        tidemill.json("quantize", plain[0], f"{out}/", *words)
        config = json.loads((out / "config.json").read_text())
        assert {name: config[name] for name in CONFIG} == CONFIG
        return config["quantization_config"]

    assert quantization("--layout", "awq") == {
        "quant_method": "awq", "version": "gemm", "bits": 4, "group_size": 128, "zero_point": True,
        "modules_to_not_convert": ["lm_head"],
    }  # fmt: skip
    gptq = quantization("--layout", "gptq", "--bits", 8, "--symmetric", "--group-size", -1)
    assert (gptq["quant_method"], gptq["checkpoint_format"], gptq["bits"], gptq["group_size"]) == ("gptq", "gptq", 8, -1)
    assert gptq["sym"] and not gptq["desc_act"] and gptq["lm_head"] and gptq["pack_dtype"] == "int32"
    packed = quantization("--group-size", 32)
    assert (packed["quant_method"], packed["format"], packed["ignore"]) == ("compressed-tensors", "pack-quantized", [])
    weights = packed["config_groups"]["group_0"]["weights"]
    assert (weights["num_bits"], weights["group_size"], weights["strategy"], weights["symmetric"]) == (4, 32, "group", False)


def test_four_bits_in_groups_of_128_are_a_little_over_an_eighth_of_float32(tidemill, tmp_path):
    """With scales and zeros, of the bytes that are in the file: 32 / (4 + 20 / 128) is 7.70, 7.42 is promised."""
    rng = np.random.default_rng(2)
    config = CONFIG | {"hidden_size": 512, "intermediate_size": 1024, "num_attention_heads": 8, "num_key_value_heads": 8}
    tensors = others(rng, config) | {
        f"{name}.weight": (rng.standard_normal(shape) * 0.05).astype(np.float32) for name, shape in linears(config)
    }
    folder = write_folder(tmp_path / "plain", tensors, config)
    whole = {name: tensors[f"{name}.weight"].nbytes for name, _ in linears(config)}
    for layout in ("awq", "gptq", "compressed-tensors"):
        tidemill.json("quantize", folder, f"{tmp_path}/{layout}/", "--layout", layout)
        stored = load_file(tmp_path / layout / "model.safetensors")
        for name, n_bytes in whole.items():
            packed = sum(part.nbytes for key, part in stored.items() if key.startswith(f"{name}."))
            packed -= stored.get(f"{name}.g_idx", np.zeros(0)).nbytes  # says only that groups are in order
            assert n_bytes / packed >= 7.42


@pytest.mark.parametrize("dtype, most", [("q4_g32", 0.02), ("q2_g128", 0.2), ("q3_g128", 0.06), ("q4_g128", 0.02), ("q8_g32", 1e-4)])
def test_blocks_with_a_zero_in_a_tmill(tidemill, tmp_path, plain, dtype, most):
    folder, originals = plain
    told = tidemill.json("quantize", folder, tmp_path / "out.tmill", "--type", dtype)
    kinds = {tensor["name"]: tensor["format"] for tensor in told["tensors"]}
    assert set(kinds.values()) == {dtype} and "token_embd.weight" in kinds and "output.weight" in kinds
    found = tmill.Tmill(tmp_path / "out.tmill").tensor("blk.1.ffn_down.weight")
    error = relative_error(found, originals["model.layers.1.mlp.down_proj.weight"])
    errors = {tensor["name"]: tensor["relative_error"] for tensor in told["tensors"]}
    assert error == pytest.approx(errors["blk.1.ffn_down.weight"], rel=1e-3)
    assert error < most
    expect_error(tidemill.run("quantize", folder, tmp_path / "out.gguf", "--type", dtype), 2, dtype, "NAME.tmill")
    if dtype.endswith("128"):
        told = tidemill.json("quantize", folder, tmp_path / "out.tmill", "--group-size", 128, "--bits", dtype[1])
        assert {tensor["format"] for tensor in told["tensors"]} == {dtype}


@pytest.fixture(scope="session")
def readable(plain, tmp_path_factory):
    """The same with a tokenizer, and a text for it."""
    import tokenizers

    folder = tmp_path_factory.mktemp("readable") / "model"
    write_folder(folder, plain[1], CONFIG)
    words = ["[UNK]", *(f"w{i}" for i in range(1, CONFIG["vocab_size"]))]
    pieces = tokenizers.models.WordPiece({word: i for i, word in enumerate(words)}, unk_token="[UNK]")
    tokenizer = tokenizers.Tokenizer(pieces)
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.BertPreTokenizer()
    tokenizer.save(str(folder / "tokenizer.json"))
    text = folder.parent / "text.txt"
    text.write_text(" ".join(words[i] for i in np.random.default_rng(5).integers(1, len(words), 900)), encoding="utf-8")
    return folder, text


@pytest.mark.parametrize("method", ["awq", "gptq", "best"])
@pytest.mark.parametrize("layout", ["awq", "gptq", "compressed-tensors"])
def test_methods_that_know_the_inputs_lose_less(tidemill, tmp_path, readable, method, layout):
    folder, text = readable
    losses = {}
    for one in ("rtn", method):
        words = ["--method", one, "--layout", layout, "--group-size", 64, "--eval", text]
        words += [] if one == "rtn" else ["--calibration", text]
        losses[one] = tidemill.json("quantize", folder, f"{tmp_path}/{one}/", *words)["eval"]["kl_divergence"]
    assert losses[method] < losses["rtn"]


def test_groups_in_the_order_of_inputs(tidemill, tmp_path, readable):
    folder, text = readable
    words = ["--calibration", text, "--method", "gptq", "--act-order", "--group-size", 64]
    for layout in ("gptq", "compressed-tensors"):
        kind = Kind(layout, group_size=64, act_order=True)
        tidemill.json("quantize", folder, f"{tmp_path}/{layout}/", "--layout", layout, *words)
        stored = load_file(tmp_path / layout / "model.safetensors")
        orders = [part for name, part in stored.items() if name.endswith("g_idx") and "mlp.down" in name]
        assert len(orders) == 2 and any((np.diff(order) < 0).any() for order in orders)
        found, _ = unpacked(tmp_path / layout, kind)
        same = write_folder(tmp_path / f"same-{layout}", found, CONFIG)
        one, other = (
            np.array(tidemill.logits(model, IDS, "--precision", "f32")["logits"]) for model in (tmp_path / layout, same)
        )
        np.testing.assert_allclose(one, other, rtol=0, atol=2e-5 * np.ptp(other))
    expect_error(tidemill.run("quantize", folder, f"{tmp_path}/no/", "--layout", "awq", *words), 2, "--act-order", "AWQ")
    expect_error(tidemill.run("quantize", folder, tmp_path / "no.gguf", *words), 2, "--act-order", "folder")


def test_from_a_gguf_whose_rows_rotate_otherwise(tidemill, tmp_path, plain):
    """Queries and keys of a GGUF of Llama lie in another order; the folder has them as its readers expect."""
    folder, originals = plain
    assert tidemill.run("convert", folder, tmp_path / "plain.gguf").returncode == 0
    tidemill.json("quantize", tmp_path / "plain.gguf", f"{tmp_path}/out/", "--bits", 8, "--group-size", 32)
    found, _ = unpacked(tmp_path / "out", Kind("compressed-tensors", bits=8, group_size=32))
    for name in ("q_proj", "k_proj", "v_proj"):
        key = f"model.layers.1.self_attn.{name}.weight"
        assert relative_error(found[key], originals[key]) < 1e-4


@pytest.mark.parametrize(
    "words, fragments",
    [
        (["--layout", "magic"], ["--layout", "'magic'"]),
        (["--layout", "awq", "--bits", "3"], ["--bits", "3", "AWQ has 4"]),
        (["--layout", "gptq", "--bits", "5"], ["--bits", "5"]),
        (["--bits", "4.5"], ["--bits", "fractions"]),
        (["--group-size", "7"], ["--group-size", "multiple of 8"]),
        (["--group-size", "160"], ["160", "--group-size"]),
        (["--type", "q4_k"], ["--type"]),
        (["--act-order"], ["--act-order"]),
    ],
)
def test_what_folders_cannot_hold_is_refused(tidemill, tmp_path, plain, words, fragments):
    done = tidemill.run("quantize", plain[0], f"{tmp_path}/out/", *words)
    assert done.returncode in (2, 3) and done.stderr.count("\n") == 1, done.stderr
    assert all(fragment in done.stderr for fragment in fragments), done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_there_is_left_alone(tidemill, tmp_path, plain):
    (tmp_path / "out").mkdir()
    (tmp_path / "out/notes.txt").write_text("mine")
    done = tidemill.run("quantize", plain[0], f"{tmp_path}/out/")
    assert done.returncode == 2 and "out" in done.stderr
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["notes.txt"]


def test_weights_that_are_no_numbers_are_named(tidemill, tmp_path, plain):
    """Damaged weights are named, whatever is written."""
    tensors = dict(plain[1])
    tensors["model.layers.1.mlp.up_proj.weight"] = tensors["model.layers.1.mlp.up_proj.weight"].copy()
    tensors["model.layers.1.mlp.up_proj.weight"][3, 5] = np.inf
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "config.json").write_text(json.dumps(CONFIG))
    save_file(tensors, broken / "model.safetensors")
    done = tidemill.run("quantize", broken, f"{tmp_path}/out/")
    expect_error(done, 3, "blk.1.ffn_up.weight", "row 3")
    assert not (tmp_path / "out").exists()
