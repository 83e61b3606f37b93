"""What docs/formats/tmill.md says: its decoder gives back every element of what `tidemill convert` packed, and the
model computes what it computed before."""

import importlib.util
import json
import pathlib
import struct

import gguf
import ml_dtypes
import numpy as np
import pytest
from gguf import GGML_QUANT_SIZES, GGMLQuantizationType, quants
from safetensors.numpy import load_file

ROOT = pathlib.Path(__file__).resolve().parents[2]
MODELS = ROOT / "tests/golden/models"
BLOCKS = ["Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0", "IQ4_NL", "Q2_K", "Q3_K", "Q4_K", "Q5_K", "Q6_K", "IQ4_XS", "MXFP4"]
# Byte offsets of the f16 factors of each block, which a model wants finite and small.
FACTORS = {
    "Q4_0": [0], "Q4_1": [0, 2], "Q5_0": [0], "Q5_1": [0, 2], "Q8_0": [0], "IQ4_NL": [0], "IQ4_XS": [0],
    "Q2_K": [80, 82], "Q3_K": [108], "Q4_K": [0, 2], "Q5_K": [0, 2], "Q6_K": [208], "MXFP4": [],
}  # fmt: skip
D_MODEL, D_FF, VOCAB, HEADS = 256, 288, 37, 4  # rows and columns that fill neither panels nor superblocks


def load_decoder():
    spec = importlib.util.spec_from_file_location("tmill", ROOT / "docs/formats/tmill.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


tmill = load_decoder()


def random_blocks(random, kind, shape):
    """Blocks of a [rows, columns] matrix, any bits but for small factors."""
    length, n_bytes = GGML_QUANT_SIZES[GGMLQuantizationType[kind]]
    blocks = random.integers(0, 256, (shape[0], shape[1] // length, n_bytes), dtype=np.uint8)
    for offset in FACTORS[kind]:
        factors = random.uniform(-0.01, 0.01, blocks.shape[:2]).astype("<f2")
        blocks[..., offset : offset + 2] = factors[..., None].view(np.uint8)
    if kind == "MXFP4":
        blocks[..., 0] = random.integers(115, 122, blocks.shape[:2])
    return blocks.reshape(shape[0], -1)


def add_matrix(writer, random, name, kind, shape):
    """Adds a random matrix of that kind and returns it in float32."""
    if kind in FACTORS:
        blocks = random_blocks(random, kind, shape)
        writer.add_tensor(name, blocks, raw_dtype=GGMLQuantizationType[kind])
        return quants.dequantize(blocks, GGMLQuantizationType[kind])
    values = random.normal(0, 0.1, shape).astype({"F32": np.float32, "F16": np.float16, "BF16": ml_dtypes.bfloat16}[kind])
    if kind == "BF16":
        writer.add_tensor(name, values.view(np.uint8), raw_dtype=GGMLQuantizationType.BF16)
    else:
        writer.add_tensor(name, values)
    return values.astype(np.float32)


def write_gguf(path, kind, vocab=VOCAB):
    """A tiny llama whose matrices are of that kind, where rows are long enough; returns all tensors in float32."""
    random = np.random.default_rng(sum(kind.encode()))
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_context_length(64)
    writer.add_embedding_length(D_MODEL)
    writer.add_block_count(1)
    writer.add_feed_forward_length(D_FF)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(1)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_tokenizer_model("no_vocab")
    kv = D_MODEL // HEADS
    matrices = {
        "token_embd": (vocab, D_MODEL), "blk.0.attn_q": (D_MODEL, D_MODEL), "blk.0.attn_k": (kv, D_MODEL),
        "blk.0.attn_v": (kv, D_MODEL), "blk.0.attn_output": (D_MODEL, D_MODEL), "blk.0.ffn_gate": (D_FF, D_MODEL),
        "blk.0.ffn_up": (D_FF, D_MODEL), "blk.0.ffn_down": (D_MODEL, D_FF),
    }  # fmt: skip
    tensors = {}
    for name, shape in matrices.items():
        fits = kind not in FACTORS or shape[1] % GGML_QUANT_SIZES[GGMLQuantizationType[kind]][0] == 0
        tensors[f"{name}.weight"] = add_matrix(writer, random, f"{name}.weight", kind if fits else "Q8_0", shape)
    for name in ("blk.0.attn_norm.weight", "blk.0.ffn_norm.weight", "output_norm.weight"):
        tensors[name] = random.uniform(0.5, 1.5, D_MODEL).astype(np.float32)
        writer.add_tensor(name, tensors[name])
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return tensors


def converted(tidemill, model, path):
    done = tidemill.run("convert", model, path)
    assert done.returncode == 0, done.stderr
    return path


def expect_same_answers(tidemill, one, other, n_ids=9, vocab=VOCAB, kind="causal"):
    """Logits, or the hidden states of an encoder."""
    ids = [7 * i % vocab for i in range(n_ids)]
    for arguments in ([], ["--prefill", 1], ["--backend", "reference"], ["--precision", "f32"]):
        if "--prefill" in arguments and kind == "encoder":
            continue
        found = [tidemill.logits(model, ids, *arguments) for model in (one, other)]
        assert found[0] == found[1], arguments


@pytest.mark.parametrize("kind", ["F32", "F16", "BF16", *BLOCKS])
def test_the_decoder_gives_back_every_element(tidemill, tmp_path, kind):
    tensors = write_gguf(tmp_path / "model.gguf", kind)
    packed = converted(tidemill, tmp_path / "model.gguf", tmp_path / "model.tmill")
    model = tmill.Tmill(packed)
    assert sorted(model.names()) == sorted(tensors)
    for name, expected in tensors.items():
        found = model.tensor(name)
        assert found.dtype == np.float32 and found.shape == expected.shape, name
        np.testing.assert_array_equal(found, expected, err_msg=name)
    assert model.metadata["token_embd.weight"] == f"panels {kind.lower()} {VOCAB} {D_MODEL}"
    expect_same_answers(tidemill, tmp_path / "model.gguf", packed)


def test_a_large_head_is_halved(tidemill, tmp_path):
    vocab = (1 << 16) + 5  # the least that is, and rows that do not fill a panel
    tensors = write_gguf(tmp_path / "model.gguf", "Q8_0", vocab)
    packed = converted(tidemill, tmp_path / "model.gguf", tmp_path / "model.tmill")
    model = tmill.Tmill(packed)
    assert model.metadata["token_embd.weight"] == f"halved_panels q8_0 {vocab} {D_MODEL}"
    assert model.metadata["blk.0.ffn_up.weight"] == f"panels q8_0 {D_FF} {D_MODEL}"
    np.testing.assert_array_equal(model.tensor("token_embd.weight"), tensors["token_embd.weight"])
    expect_same_answers(tidemill, tmp_path / "model.gguf", packed, vocab=vocab)
    again = converted(tidemill, packed, tmp_path / "again.tmill")
    assert again.read_bytes() == packed.read_bytes()


@pytest.mark.parametrize("name", sorted(path.parent.name for path in MODELS.glob("*/config.json")))
def test_every_architecture_computes_what_its_folder_computes(tidemill, tmp_path, name):
    kind = json.loads((MODELS / name / "truth.json").read_text())["kind"]
    packed = converted(tidemill, MODELS / name, tmp_path / "model.tmill")
    vocab = tidemill.json("info", packed)["tokenizer"]["vocab_size"]
    expect_same_answers(tidemill, MODELS / name, packed, 20, vocab, kind)


def test_every_tensor_lies_at_a_multiple_of_64_bytes(tidemill, tmp_path):
    packed = converted(tidemill, MODELS / "gptneox-parallel", tmp_path / "model.tmill")
    data = packed.read_bytes()
    size = struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8 : 8 + size])
    assert (8 + size) % 64 == 0
    places = {name: entry["data_offsets"] for name, entry in header.items() if name != "__metadata__"}
    assert any(name.startswith("padding/") for name in places), "a test that needs no padding tests none"
    for name, (begin, end) in places.items():
        assert begin % 64 == 0 or name.startswith("padding/"), name
        assert not name.startswith("padding/") or not any(data[8 + size + begin : 8 + size + end])


def test_a_tmill_of_a_tmill_is_the_same_file(tidemill, tmp_path, tiny_model):
    for number, model in enumerate([tiny_model, MODELS / "gpt2-tied"]):
        first = converted(tidemill, model, tmp_path / f"{number}.tmill")
        assert converted(tidemill, first, tmp_path / "again.tmill").read_bytes() == first.read_bytes()


def test_text_is_what_the_gguf_writes(tidemill, tmp_path, tiny_model):
    packed = converted(tidemill, tiny_model, tmp_path / "model.tmill")
    answers = [
        tidemill.json("run", model, "--prompt", "the tide", "-n", 12, "--temperature", 0) for model in (tiny_model, packed)
    ]
    assert answers[0]["text"] == answers[1]["text"] and answers[0]["ids"] == answers[1]["ids"]
    told = [tidemill.json("info", model) for model in (tiny_model, packed)]
    assert told[1]["format"] == "tmill v1" and told[1]["runnable"]
    for key in ("architecture", "name", "parameters", "tokenizer", "context_length", "metadata"):
        assert told[0][key] == told[1][key], key


def test_the_files_of_a_folder_come_along(tidemill, tmp_path):
    folder = tmp_path / "folder"
    folder.mkdir()
    for name in ("config.json", "model.safetensors"):
        (folder / name).write_bytes((MODELS / "gpt2-tied" / name).read_bytes())
    vocab = {chr(97 + i): i for i in range(26)}
    tokenizer = {"added_tokens": [], "model": {"type": "BPE", "vocab": vocab, "merges": []}}
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer))
    (folder / "tokenizer_config.json").write_text(json.dumps({"bos_token": "a"}))
    (folder / "chat_template.jinja").write_text("{{ bos_token }}:{{ messages[0].content }}")
    (folder / "notes.txt").write_text("not of the model")
    packed = converted(tidemill, folder, tmp_path / "model.tmill")
    assert set(tmill.Tmill(packed).files()) == {"tokenizer.json", "tokenizer_config.json", "chat_template.jinja"}
    for arguments, stdin in [
        (["tokenize", "--text", "tide", "--tokenizer"], ""),
        (["template", "--stdin-jsonl"], json.dumps({"messages": [{"role": "user", "content": "mill"}]})),
    ]:
        done = [tidemill.run(*arguments, model, stdin=stdin) for model in (folder, packed)]
        assert done[0].returncode == 0, done[0].stderr
        assert (done[0].stdout, done[0].returncode) == (done[1].stdout, done[1].returncode), done[1].stderr


def changed(path, out, change):
    """A copy with another header: `change` gets {name: {dtype, shape, data_offsets}, "__metadata__": ...}."""
    data = path.read_bytes()
    size = struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8 : 8 + size])
    change(header)
    text = json.dumps(header).encode()
    text += b" " * (-(8 + len(text)) % 64)
    out.write_bytes(struct.pack("<Q", len(text)) + text + data[8 + size :])
    return out


@pytest.mark.parametrize(
    "change, fragments",
    [
        (lambda h: h["__metadata__"].update(format="pt"), ["do not say that it is a .tmill"]),
        (lambda h: h["__metadata__"].update(version="2"), ["version 2", "reads 1"]),
        (lambda h: h["__metadata__"].update(version="1x"), ["version is '1x'"]),
        (lambda h: h["__metadata__"].update({"token_embd.weight": "tiles f32 97 48"}), ["layout 'tiles'"]),
        (lambda h: h["__metadata__"].update({"token_embd.weight": "panels f32 97"}), ["described as"]),
        (lambda h: h["__metadata__"].update({"token_embd.weight": "panels f64 97 48"}), ["described as"]),
        (lambda h: h["__metadata__"].update({"token_embd.weight": "panels f32 -97 48"}), ["described as"]),
        (lambda h: h["__metadata__"].update({"token_embd.weight": f"panels f32 {2**62} {2**62}"}), ["makes no matrix"]),
        (lambda h: h["__metadata__"].update({"token_embd.weight": "panels q8_0 97 48"}), ["makes no matrix"]),
        (lambda h: h["__metadata__"].update({"token_embd.weight": "panels f32 9999 48"}), ["is not U8"]),
        (lambda h: h["__metadata__"].pop("token_embd.weight"), ["is U8 without a description"]),
        (lambda h: h["__metadata__"].pop("config"), ["no configuration"]),
        (lambda h: h["__metadata__"].update(config="{"), ["not valid JSON"]),
        (lambda h: h.update({"extra.weight": h.pop("output_norm.weight")}), ["'output_norm.weight' is missing"]),
        (lambda h: h["token_embd.weight"].update(dtype="I8"), ["is not U8"]),
    ],
)
def test_hostile_files_are_refused(tidemill, tmp_path, change, fragments):
    packed = converted(tidemill, MODELS / "gpt2-tied", tmp_path / "model.tmill")
    path = changed(packed, tmp_path / "changed.tmill", change)
    done = tidemill.run("logits", path, "--ids-file", "-", "--json", stdin='{"ids":[1]}')
    assert done.returncode == 3, done.stderr
    assert done.stderr.startswith("error: ") and done.stderr.count("\n") == 1
    for fragment in fragments:
        assert fragment in done.stderr


def test_a_tensor_out_of_place_is_refused(tidemill, tmp_path):
    packed = converted(tidemill, MODELS / "gpt2-tied", tmp_path / "model.tmill")
    data = packed.read_bytes()
    size = struct.unpack("<Q", data[:8])[0]
    moved = struct.pack("<Q", size + 8) + data[8 : 8 + size] + b" " * 8 + data[8 + size :]
    (tmp_path / "moved.tmill").write_bytes(moved)
    done = tidemill.run("info", tmp_path / "moved.tmill")
    assert done.returncode == 3 and "multiple of 64" in done.stderr


def test_the_example_of_the_page():
    panels = np.random.default_rng(5).integers(0, 256, (3, 3200), dtype=np.uint8)
    panels[:, 107] &= 0x3B  # a finite scale
    low, high = panels[1, 1367] & 15, panels[1, 1495] >> 2 & 1
    scale = panels[1, 106:108].view("<f2")[0].astype(np.float32)
    expected = scale * np.float32(int(low | high << 4) - 16)
    with np.errstate(all="ignore"):
        assert tmill.decode_matrix("panels q5_0 40 288", panels)[21, 107] == expected


@pytest.mark.parametrize("kind", ["F32", "BF16", "Q8_0", "Q4_K"])
def test_plain_safetensors_hold_the_same_numbers(tidemill, tmp_path, kind):
    tensors = write_gguf(tmp_path / "model.gguf", kind)
    packed = converted(tidemill, tmp_path / "model.gguf", tmp_path / "model.tmill")
    types = {"f32": np.float32, "f16": np.float16, "bf16": ml_dtypes.bfloat16}
    for source in (tmp_path / "model.gguf", packed):
        for name, dtype in types.items():
            out = tmp_path / "plain.safetensors"
            done = tidemill.run("convert", source, out, "--dtype", name)
            assert done.returncode == 0, done.stderr
            found = load_file(out)
            assert sorted(found) == sorted(tensors)
            for tensor, expected in tensors.items():
                wanted = expected.astype(dtype if expected.ndim > 1 else np.float32)
                np.testing.assert_array_equal(found[tensor], wanted, err_msg=f"{source}, {tensor}")
                assert found[tensor].dtype == wanted.dtype
        done = tidemill.run("convert", source, tmp_path / "plain.safetensors")
        assert done.returncode == (2 if kind.startswith("Q") else 0), done.stderr
        assert "--dtype" in done.stderr or not kind.startswith("Q")
