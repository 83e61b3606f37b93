"""Makes tiny random models of what the other golden models do not show, with logits and greedy continuations by transformers.

    pip install torch transformers safetensors && python scripts/golden/make_variants.py tests/golden/models [NAME...]
"""

import json
import pathlib
import sys

import numpy as np
import torch
import transformers
from safetensors.torch import save_file
from transformers.integrations.mxfp4 import convert_moe_packed_tensors

GPT_OSS = {
    "vocab_size": 256, "hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 2, "num_attention_heads": 4,
    "num_key_value_heads": 2, "head_dim": 20, "num_local_experts": 3, "num_experts_per_tok": 2, "sliding_window": 8,
    "max_position_embeddings": 256,
    "rope_scaling": {
        "rope_type": "yarn", "factor": 8.0, "original_max_position_embeddings": 32, "beta_fast": 32.0, "beta_slow": 1.0,
        "truncate": False,
    },
}  # fmt: skip
MAMBA = {
    "vocab_size": 256, "hidden_size": 40, "num_hidden_layers": 2, "state_size": 8, "use_bias": True, "use_conv_bias": False,
    "tie_word_embeddings": False,
}
MAMBA2 = MAMBA | {"num_heads": 5, "head_dim": 16, "n_groups": 1, "chunk_size": 8}
# Name -> class of the model, of its configuration, fields, lengths of the prompts.
MODELS = {
    "gptoss-mxfp4": ("GptOssForCausalLM", "GptOssConfig", GPT_OSS, (1, 13, 40)),
    "mamba-biases": ("MambaForCausalLM", "MambaConfig", MAMBA, (1, 13, 40)),
    "mamba2-biases": ("Mamba2ForCausalLM", "Mamba2Config", MAMBA2, (1, 13, 40)),
}
N_GREEDY = 24


def fill(model, seed):
    """Weights of such sizes that every part of the model matters."""
    random = torch.Generator().manual_seed(seed)
    for name, weight in sorted(model.named_parameters()):
        values = torch.randn(weight.shape, generator=random)
        if name.endswith("A_log"):
            values = values.abs()
        if weight.dim() == 1:
            values = values * 0.2 + (1.0 if "norm" in name and name.endswith("weight") else 0.0)
        elif "embed" not in name:
            values = values * 1.3 / weight.shape[1 if weight.dim() == 3 else -1] ** 0.5
        weight.data.copy_(values)


def pack_experts(model, seed):
    """Experts as random MXFP4, in the model as what that stands for; returns the tensors of the file."""
    random, packed = torch.Generator().manual_seed(seed), {}
    for name, weight in model.named_parameters():
        if not name.endswith(("gate_up_proj", "down_proj")):
            continue
        n_experts, width, n_rows = weight.shape
        blocks = torch.randint(0, 256, (n_experts, n_rows, width // 32, 16), generator=random, dtype=torch.uint8)
        scales = torch.randint(121, 125, (n_experts, n_rows, width // 32), generator=random, dtype=torch.uint8)
        weight.data.copy_(convert_moe_packed_tensors(blocks, scales, dtype=torch.float32))
        packed |= {name + "_blocks": blocks, name + "_scales": scales}
    return packed


def logits(model, ids):
    with torch.no_grad():
        return model(torch.tensor([ids]), use_cache=False).logits[0].numpy()


def greedy(model, ids):
    chosen, margins = [], []
    for _ in range(N_GREEDY):
        last = logits(model, [*ids, *chosen])[-1]
        second, first = np.sort(last)[-2:]
        margins.append(round(float(first - second), 5))
        chosen.append(int(last.argmax()))
    return {"greedy": chosen, "greedy_margins": margins}


def make(folder, name):
    kind, config_kind, fields, lengths = MODELS[name]
    config = getattr(transformers, config_kind)(**fields)
    if hasattr(config, "num_attention_heads"):
        config._attn_implementation = "eager"
    model = getattr(transformers, kind)(config).eval()
    seed = sum(name.encode())
    fill(model, seed)
    packed = pack_experts(model, seed) if name.endswith("mxfp4") else {}
    folder.mkdir(parents=True, exist_ok=True)
    replaced = {tensor.rsplit("_", 1)[0] for tensor in packed}
    tensors = {key: value for key, value in model.state_dict().items() if key not in replaced} | packed
    save_file({key: value.contiguous() for key, value in tensors.items()}, folder / "model.safetensors")
    written = json.loads(config.to_json_string()) | {"architectures": [kind]}
    (folder / "config.json").write_text(json.dumps(written, indent=1, sort_keys=True) + "\n")
    random, cases = np.random.default_rng(seed), []
    for index, length in enumerate(lengths):
        ids = random.integers(3, fields["vocab_size"], length).tolist()
        np.save(folder / f"case{index}.npy", logits(model, ids))
        cases.append({"ids": ids, "out": f"case{index}.npy"} | (greedy(model, ids) if length > 1 else {}))
    truth = {
        "name": name, "kind": "causal", "weights": "mxfp4" if packed else "f32", "cases": cases,
        "made_with": f"{kind}, transformers {transformers.__version__}, torch {torch.__version__}",
        "parameters": sum(weight.numel() for weight in model.parameters()),
    }  # fmt: skip
    (folder / "truth.json").write_text(json.dumps(truth) + "\n")


def main(target, *names):
    for name in names or MODELS:
        make(pathlib.Path(target) / name, name)


if __name__ == "__main__":
    main(*sys.argv[1:])
