"""The memory that `info` tells before a model is loaded, and what running it then takes."""

import json
import shutil
import subprocess
import sys

import numpy as np
import pytest
from safetensors.numpy import save_file

LAYERS, WIDTH, HIDDEN, VOCAB = 4, 512, 2048, 16_000
CONFIG = {
    "architectures": ["LlamaForCausalLM"], "model_type": "llama", "num_hidden_layers": LAYERS, "hidden_size": WIDTH,
    "intermediate_size": HIDDEN, "num_attention_heads": 8, "num_key_value_heads": 8, "vocab_size": VOCAB,
    "max_position_embeddings": 4096, "rms_norm_eps": 1e-5, "tie_word_embeddings": True,
}  # fmt: skip


GEMMA = CONFIG | {
    "architectures": ["Gemma3ForCausalLM"], "num_hidden_layers": 6, "num_key_value_heads": 4, "head_dim": 64,
    "query_pre_attn_scalar": 64, "sliding_window": 512, "rms_norm_eps": 1e-6,
}  # fmt: skip
MAMBA = {
    "architectures": ["MambaForCausalLM"], "num_hidden_layers": 6, "hidden_size": WIDTH, "intermediate_size": 2 * WIDTH,
    "state_size": 16, "conv_kernel": 4, "time_step_rank": 32, "vocab_size": VOCAB, "use_bias": False, "use_conv_bias": True,
    "layer_norm_epsilon": 1e-5, "tie_word_embeddings": True,
}  # fmt: skip
BERT = {
    "architectures": ["BertModel"], "num_hidden_layers": 6, "hidden_size": WIDTH, "intermediate_size": HIDDEN,
    "num_attention_heads": 8, "vocab_size": VOCAB, "max_position_embeddings": 512, "type_vocab_size": 2,
    "layer_norm_eps": 1e-12, "hidden_act": "gelu",
}  # fmt: skip
random = np.random.default_rng(1)


def matrix(*shape, dtype=np.float16):
    return (random.standard_normal(shape, np.float32) * 0.02).astype(dtype)


def write(folder, config, weights):
    folder.mkdir()
    save_file(weights, folder / "model.safetensors")
    (folder / "config.json").write_text(json.dumps(config))


def gemma_weights():
    weights = {"model.embed_tokens.weight": matrix(VOCAB, WIDTH), "model.norm.weight": matrix(WIDTH)}
    for layer in range(6):
        prefix = f"model.layers.{layer}."
        for name, shape in (("q", (512, WIDTH)), ("k", (256, WIDTH)), ("v", (256, WIDTH)), ("o", (WIDTH, 512))):
            weights[f"{prefix}self_attn.{name}_proj.weight"] = matrix(*shape)
        for name, shape in (("gate", (HIDDEN, WIDTH)), ("up", (HIDDEN, WIDTH)), ("down", (WIDTH, HIDDEN))):
            weights[f"{prefix}mlp.{name}_proj.weight"] = matrix(*shape)
        for name in ("input", "post_attention", "pre_feedforward", "post_feedforward"):
            weights[f"{prefix}{name}_layernorm.weight"] = matrix(WIDTH)
        for name in "qk":
            weights[f"{prefix}self_attn.{name}_norm.weight"] = matrix(64)
    return weights


def mamba_weights():
    inner, f32 = 2 * WIDTH, {"dtype": np.float32}
    weights = {"backbone.embeddings.weight": matrix(VOCAB, WIDTH, **f32), "backbone.norm_f.weight": np.ones(WIDTH, np.float32)}
    for layer in range(6):
        prefix = f"backbone.layers.{layer}."
        shapes = {"in_proj.weight": (2 * inner, WIDTH), "conv1d.weight": (inner, 1, 4), "conv1d.bias": (inner,),
                  "x_proj.weight": (32 + 2 * 16, inner), "dt_proj.weight": (inner, 32), "dt_proj.bias": (inner,),
                  "A_log": (inner, 16), "D": (inner,), "out_proj.weight": (WIDTH, inner)}  # fmt: skip
        weights[f"{prefix}norm.weight"] = np.ones(WIDTH, np.float32)
        weights |= {f"{prefix}mixer.{name}": matrix(*shape, **f32) for name, shape in shapes.items()}
    return weights


def bert_weights():
    weights = {f"embeddings.{name}_embeddings.weight": matrix(n, WIDTH)
               for name, n in (("word", VOCAB), ("position", 512), ("token_type", 2))}  # fmt: skip
    norms = ["embeddings.LayerNorm"]
    for layer in range(6):
        prefix = f"encoder.layer.{layer}."
        for name, shape in {"attention.self.query": (WIDTH, WIDTH), "attention.self.key": (WIDTH, WIDTH),
                            "attention.self.value": (WIDTH, WIDTH), "attention.output.dense": (WIDTH, WIDTH),
                            "intermediate.dense": (HIDDEN, WIDTH), "output.dense": (WIDTH, HIDDEN)}.items():  # fmt: skip
            weights |= {f"{prefix}{name}.weight": matrix(*shape), f"{prefix}{name}.bias": matrix(shape[0])}
        norms += [f"{prefix}attention.output.LayerNorm", f"{prefix}output.LayerNorm"]
    for name in norms:
        weights |= {f"{name}.weight": np.ones(WIDTH, np.float16), f"{name}.bias": matrix(WIDTH)}
    return weights


@pytest.fixture(scope="module")
def models(tidemill, tmp_path_factory):
    """One model of 25 million weights in f16, in each format; a Gemma 3 as GGUF and a Mamba in float32."""
    root = tmp_path_factory.mktemp("memory")
    folder = root / "folder"
    folder.mkdir()

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
    write(root / "gemma-folder", GEMMA, gemma_weights())
    found["gemma"] = root / "gemma.gguf"
    assert tidemill.run("convert", root / "gemma-folder", found["gemma"]).returncode == 0
    found["mamba"] = root / "mamba"
    write(found["mamba"], MAMBA, mamba_weights())
    return found


@pytest.mark.parametrize("kind", ["folder", "gguf", "tmill", "gemma", "mamba"])
def test_the_estimate_is_what_is_used(tidemill, models, tiny_model, kind):
    """Within 5%, for a short and a long context and for one and several sequences, beside what any run takes."""
    tiny = tidemill.json("bench", tiny_model, "--prompt-tokens", 4, "--gen-tokens", 1, "--threads", 2)["peak_rss_bytes"]
    bare = tiny - tidemill.json("info", tiny_model)["memory"]["total_bytes"]
    for context, batch in [(512, 1), (4096, 1), (1024, 4)]:
        need = tidemill.json("info", models[kind], "--ctx", context, "--batch", batch)["memory"]["total_bytes"]
        used = tidemill.json("bench", models[kind], "--ctx", context, "--prompt-tokens", context - 8, "--gen-tokens", 8,
                             "--batch", batch, "--threads", 2)["peak_rss_bytes"]  # fmt: skip
        assert abs(used - bare - need) < 0.05 * need, (context, batch, used, bare, need)


# A process begins with the peak of the one that started it, which therefore has to be small.
STARTER = """
import resource, subprocess, sys
subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, check=True)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024)
"""


def peak_bytes(tidemill, *arguments, stdin):
    """The greatest resident memory of a run."""
    command = [sys.executable, "-S", "-c", STARTER, tidemill.program, *map(str, arguments)]
    return int(subprocess.run(command, input=stdin, capture_output=True, text=True, check=True).stdout)


def test_the_estimate_of_an_encoder(tidemill, tiny_model, tmp_path):
    """What a text of its whole context takes, beside what the tiniest encoder does."""
    write(tmp_path / "bert", BERT, bert_weights())
    tiny = tiny_model.parents[1] / "models/bert"

    def used(model, n):
        ids = json.dumps({"ids": [5 + index % 200 for index in range(n)]})
        return peak_bytes(tidemill, "logits", model, "--ids-file", "-", "--threads", 2, stdin=ids)

    need, tiny_need = (tidemill.json("info", model)["memory"]["total_bytes"] for model in (tmp_path / "bert", tiny))
    bare = used(tiny, 4) - tiny_need
    found = used(tmp_path / "bert", 512)
    assert abs(found - bare - need) < 0.05 * need, (found, bare, need)


def test_what_cannot_fit_is_refused_before_it_is_loaded(tidemill, models, tmp_path):
    """One line that says what is needed and what is free; without --ctx a context is chosen that fits."""
    folder = tmp_path / "model"
    shutil.copytree(models["folder"], folder)
    longest = 1 << 26  # 8 KB a token: half a terabyte
    (folder / "config.json").write_text(json.dumps(CONFIG | {"max_position_embeddings": longest}))
    ids = ["logits", folder, "--ids-file", "-", "--top", 1]
    refused = tidemill.run(*ids, "--ctx", longest, stdin='{"ids":[5]}')
    assert refused.returncode == 4 and refused.stdout == "", refused.stderr
    assert refused.stderr.count("\n") == 1 and "are free; use a shorter context (--ctx)" in refused.stderr
    assert tidemill.json("info", folder, "--ctx", longest)["memory"]["total_bytes"] > 5e11
    assert tidemill.run(*ids, stdin='{"ids":[5]}').returncode == 0
