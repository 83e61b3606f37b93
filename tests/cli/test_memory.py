"""The memory that `info` tells before a model is loaded, and what running it then takes."""

import json

import numpy as np
import pytest
from safetensors.numpy import save_file

LAYERS, WIDTH, HIDDEN, VOCAB = 4, 512, 2048, 16_000
CONFIG = {
    "architectures": ["LlamaForCausalLM"], "model_type": "llama", "num_hidden_layers": LAYERS, "hidden_size": WIDTH,
    "intermediate_size": HIDDEN, "num_attention_heads": 8, "num_key_value_heads": 8, "vocab_size": VOCAB,
    "max_position_embeddings": 4096, "rms_norm_eps": 1e-5, "tie_word_embeddings": True,
}  # fmt: skip


@pytest.fixture(scope="module")
def models(tidemill, tmp_path_factory):
    """One model of 25 million weights in f16, in each format."""
    root = tmp_path_factory.mktemp("memory")
    folder = root / "folder"
    folder.mkdir()
    random = np.random.default_rng(1)

    def matrix(*shape):
        return (random.standard_normal(shape, np.float32) * 0.02).astype(np.float16)

    weights = {"model.embed_tokens.weight": matrix(VOCAB, WIDTH), "model.norm.weight": np.ones(WIDTH, np.float16)}
    for layer in range(LAYERS):
        prefix = f"model.layers.{layer}."
        for name in "qkvo":
            weights[f"{prefix}self_attn.{name}_proj.weight"] = matrix(WIDTH, WIDTH)
        for name, shape in (("gate", (HIDDEN, WIDTH)), ("up", (HIDDEN, WIDTH)), ("down", (WIDTH, HIDDEN))):
            weights[f"{prefix}mlp.{name}_proj.weight"] = matrix(*shape)
        for name in ("input", "post_attention"):
            weights[f"{prefix}{name}_layernorm.weight"] = np.ones(WIDTH, np.float16)
    save_file(weights, folder / "model.safetensors")
    (folder / "config.json").write_text(json.dumps(CONFIG))
    found = {"folder": folder}
    for ending in ("gguf", "tmill"):
        found[ending] = root / f"model.{ending}"
        assert tidemill.run("convert", folder, found[ending]).returncode == 0
    return found


@pytest.mark.parametrize("kind", ["folder", "gguf", "tmill"])
def test_the_estimate_is_what_is_used(tidemill, models, tiny_model, kind):
    """Within 5%, for a short and a long context and for one and several sequences, beside what any run takes."""
    tiny = tidemill.json("bench", tiny_model, "--prompt-tokens", 4, "--gen-tokens", 1, "--threads", 2)["peak_rss_bytes"]
    bare = tiny - tidemill.json("info", tiny_model)["memory"]["total_bytes"]
    for context, batch in [(512, 1), (4096, 1), (1024, 4)]:
        need = tidemill.json("info", models[kind], "--ctx", context, "--batch", batch)["memory"]["total_bytes"]
        used = tidemill.json("bench", models[kind], "--ctx", context, "--prompt-tokens", context - 8, "--gen-tokens", 8,
                             "--batch", batch, "--threads", 2)["peak_rss_bytes"]  # fmt: skip
        assert abs(used - bare - need) < 0.05 * need, (context, batch, used, bare, need)
