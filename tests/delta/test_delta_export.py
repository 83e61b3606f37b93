"""`tidemill delta export`: a LoRA adapter in PEFT's layout, whose products are what the delta adds."""

import json

import ml_dtypes
import numpy as np
import pytest
import safetensors.numpy
from model_pairs import entry, weights, write_safetensors

PREFIX = "base_model.model."


def low_rank(rng, shape, rank, scale=0.02):
    return (rng.standard_normal((shape[0], rank)) @ rng.standard_normal((rank, shape[1])) * scale).astype(np.float32)


@pytest.fixture
def pair(tmp_path):
    """Linear layers, an embedding and what an adapter has no place for."""
    rng = np.random.default_rng(2)
    base = {
        "model.embed_tokens.weight": weights(rng, (400, 96), "F32"),
        "model.layers.0.self_attn.q_proj.weight": weights(rng, (128, 96), "F32"),
        "model.layers.0.mlp.down_proj.weight": weights(rng, (96, 256), "F32"),
        "model.layers.1.mlp.down_proj.weight": weights(rng, (96, 256), "F32"),
        "model.norm.weight": weights(rng, (96,), "F32"),
    }
    ranks = dict(zip(base, [3, 4, 4, None, None], strict=True))
    tuned = {n: a + low_rank(rng, a.shape, ranks[n]) if ranks[n] else a for n, a in base.items()}
    tuned["model.norm.weight"] = base["model.norm.weight"] * np.float32(1.5)
    for kind, tensors in [("base", base), ("tuned", tuned)]:
        write_safetensors(tmp_path / f"{kind}.safetensors", {n: entry(a, "F32") for n, a in tensors.items()})
    return tmp_path / "base.safetensors", tmp_path / "tuned.safetensors", ranks


def peft_change(config, tensors, module):
    """What PEFT adds to the weight of a module: LoraLayer.get_delta_weight, by its documentation."""
    rank = config["rank_pattern"].get(module, config["r"])
    alpha = config["alpha_pattern"].get(module, config["lora_alpha"])
    if f"{PREFIX}{module}.lora_A.weight" in tensors:
        a, b = tensors[f"{PREFIX}{module}.lora_A.weight"], tensors[f"{PREFIX}{module}.lora_B.weight"]
        change = b @ a
    else:
        a, b = tensors[f"{PREFIX}{module}.lora_embedding_A"], tensors[f"{PREFIX}{module}.lora_embedding_B"]
        change = (b @ a).T
    assert a.shape[0] == b.shape[1] == rank
    return change * (alpha / rank)


def test_an_adapter_adds_what_the_delta_adds(tidemill, tmp_path, pair):
    base, tuned, ranks = pair
    delta, out = tmp_path / "d.tmdelta", tmp_path / "adapter"
    tidemill.json("delta", "make", base, tuned, delta, "--mode", "lowrank", "--energy", "0.9999")
    told = tidemill.json("delta", "export", delta, out, "--base-name", "some/base")
    assert sorted(path.name for path in out.iterdir()) == ["adapter_config.json", "adapter_model.safetensors"]
    assert told["modules"] == 3 and told["left_out"] == ["model.norm.weight"]
    assert told["bytes"] == pytest.approx(sum(path.stat().st_size for path in out.iterdir()), rel=0.1)
    config = json.loads((out / "adapter_config.json").read_text())
    modules = [name.removesuffix(".weight") for name, rank in ranks.items() if rank]
    assert config["peft_type"] == "LORA" and config["base_model_name_or_path"] == "some/base"
    assert sorted(config["target_modules"]) == sorted(modules)
    assert config["r"] == 4 and config["rank_pattern"] == {"model.embed_tokens": 3} == config["alpha_pattern"]
    tensors = safetensors.numpy.load_file(out / "adapter_model.safetensors")
    assert {array.dtype for array in tensors.values()} == {np.dtype(ml_dtypes.bfloat16)} and len(tensors) == 6
    tensors = {name: array.astype(np.float32) for name, array in tensors.items()}
    tidemill.json("delta", "apply", base, delta, tmp_path / "out.safetensors")
    before, restored = (safetensors.numpy.load_file(path) for path in (base, tmp_path / "out.safetensors"))
    for module in modules:
        name = module + ".weight"
        np.testing.assert_allclose(before[name] + peft_change(config, tensors, module), restored[name], atol=1e-6)


def test_peft_itself_loads_it(tidemill, tmp_path):
    torch = pytest.importorskip("torch")
    peft = pytest.importorskip("peft")
    torch.manual_seed(0)

    class Small(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.embed_tokens = torch.nn.Embedding(50, 32)
            self.q_proj = torch.nn.Linear(32, 48)

        def forward(self, ids):
            return self.q_proj(self.embed_tokens(ids))

    model = Small()
    rng = np.random.default_rng(1)
    base = {name: value.detach().numpy().copy() for name, value in model.state_dict().items()}
    tuned = {n: a + low_rank(rng, a.shape, 2) if a.ndim == 2 else a for n, a in base.items()}
    for kind, arrays in [("base", base), ("tuned", tuned)]:
        write_safetensors(tmp_path / f"{kind}.safetensors", {n: entry(a, "F32") for n, a in arrays.items()})
    names = [tmp_path / name for name in ("base.safetensors", "tuned.safetensors", "d.tmdelta")]
    tidemill.json("delta", "make", *names, "--mode", "lowrank", "--rank", "2")
    tidemill.json("delta", "export", names[2], tmp_path / "adapter")
    tidemill.json("delta", "apply", names[0], names[2], tmp_path / "out.safetensors")
    ids = torch.arange(50)
    found = peft.PeftModel.from_pretrained(model, tmp_path / "adapter")(ids)
    expected = Small()
    restored = safetensors.numpy.load_file(tmp_path / "out.safetensors")
    expected.load_state_dict({name: torch.from_numpy(value) for name, value in restored.items()})
    torch.testing.assert_close(found, expected(ids), atol=1e-5, rtol=1e-5)


def test_what_is_no_adapter_is_refused(tidemill, tmp_path, pair):
    base, tuned, _ = pair
    tidemill.json("delta", "make", base, tuned, tmp_path / "d.tmdelta")
    done = tidemill.run("delta", "export", tmp_path / "d.tmdelta", tmp_path / "adapter")
    assert done.returncode == 3 and "--mode lowrank" in done.stderr and done.stderr.count("\n") == 1
    tidemill.json("delta", "make", base, tuned, tmp_path / "d.tmdelta", "--mode", "lowrank", "--rank", "4")
    (tmp_path / "full").mkdir()
    (tmp_path / "full/file").write_text("x")
    done = tidemill.run("delta", "export", tmp_path / "d.tmdelta", tmp_path / "full")
    assert done.returncode == 2 and "is there already" in done.stderr
    assert not (tmp_path / "adapter").exists() and [p.name for p in (tmp_path / "full").iterdir()] == ["file"]
