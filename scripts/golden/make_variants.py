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
# Rotary embeddings that change with the length of a text, at 32 tokens.
LENGTHS = {
    "vocab_size": 256, "hidden_size": 64, "intermediate_size": 80, "num_hidden_layers": 2, "num_attention_heads": 4,
    "num_key_value_heads": 2, "pad_token_id": 0,
}  # fmt: skip
LONGROPE = {"type": "longrope", "short_factor": [1.0, 1.05, 1.2, 1.5, 2.0, 2.5, 3.0, 3.5],
            "long_factor": [1.0, 1.3, 2.0, 3.5, 4.0, 4.5, 5.0, 6.0]}  # fmt: skip
PHI3 = LENGTHS | {"max_position_embeddings": 128, "original_max_position_embeddings": 32, "rope_scaling": LONGROPE}
DYNAMIC = LENGTHS | {"max_position_embeddings": 32, "rope_scaling": {"rope_type": "dynamic", "factor": 4.0}}
# Name -> class of the model, of its configuration, fields, lengths of the prompts.
MODELS = {
    "gptoss-mxfp4": ("GptOssForCausalLM", "GptOssConfig", GPT_OSS, (1, 13, 40)),
    "mamba-biases": ("MambaForCausalLM", "MambaConfig", MAMBA, (1, 13, 40)),
    "mamba2-biases": ("Mamba2ForCausalLM", "Mamba2Config", MAMBA2, (1, 13, 40)),
    "phi3-longrope": ("Phi3ForCausalLM", "Phi3Config", PHI3, (13, 32, 33, 60)),
    "llama-rope-dynamic": ("LlamaForCausalLM", "LlamaConfig", DYNAMIC, (13, 32, 33, 60)),
}
N_GREEDY = 24
N_FIRST = 5  # ids that are read at once before steps of one


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


def forget(model):
    """What it knows of the lengths of earlier texts: a short one sets it back."""
    with torch.no_grad():
        model(torch.tensor([[3]]), use_cache=False)


def logits(model, ids):
    forget(model)
    with torch.no_grad():
        return model(torch.tensor([ids]), use_cache=False).logits[0].numpy()


def keeps_keys(model):
    """Whether keys stay as they are when a text grows longer than the first context, as those of Phi-3 do not."""
    return (model.config.to_dict().get("rope_scaling") or {}).get("rope_type") == "dynamic"


def next_logits(model, ids, n_first):
    """Of `ids` from the `n_first` on, one at a time behind those before them: [len(ids) - n_first + 1, vocabulary]."""
    if not keeps_keys(model):
        return np.stack([logits(model, ids[:end])[-1] for end in range(n_first, len(ids) + 1)])
    forget(model)
    rows, kept = [], None
    with torch.no_grad():
        for piece in [ids[:n_first], *([id] for id in ids[n_first:])]:
            found = model(torch.tensor([piece]), past_key_values=kept, use_cache=True)
            kept = found.past_key_values
            rows.append(found.logits[0, -1].numpy())
    return np.stack(rows)


def greedy(model, ids):
    chosen, margins = [], []
    for _ in range(N_GREEDY):
        last = next_logits(model, [*ids, *chosen], len(ids))[-1]
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
        if fields.items() >= LENGTHS.items():
            np.save(folder / f"steps{index}.npy", next_logits(model, ids, N_FIRST))
            cases[-1] |= {"first": N_FIRST, "steps": f"steps{index}.npy"}
    truth = {
        "name": name, "kind": "by-length" if fields.items() >= LENGTHS.items() else "causal", "weights": "mxfp4" if packed else "f32", "cases": cases,
        "made_with": f"{kind}, transformers {transformers.__version__}, torch {torch.__version__}",
        "parameters": sum(weight.numel() for weight in model.parameters()),
    }  # fmt: skip
    (folder / "truth.json").write_text(json.dumps(truth) + "\n")


def main(target, *names):
    for name in names or MODELS:
        make(pathlib.Path(target) / name, name)


if __name__ == "__main__":
    main(*sys.argv[1:])
