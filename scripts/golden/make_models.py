"""Makes folders of tests/golden/models: tiny random models with logits and greedy continuations by transformers.

    pip install torch==2.15.0 transformers==4.57.1
    python scripts/golden/make_models.py tests/golden/models [NAME ...]

Odd on purpose: sizes that are no multiples of 8, more values than one of whatever a model shares among heads or groups.
The folders that are not listed here came from an earlier script of the same form.
"""

import json
import math
import pathlib
import sys

import numpy as np
import torch
import transformers

SIZES = {"vocab_size": 256, "hidden_size": 40, "num_hidden_layers": 2, "intermediate_size": 60, "num_attention_heads": 4,
         "num_key_value_heads": 2, "max_position_embeddings": 128, "tie_word_embeddings": True, "pad_token_id": 0}  # fmt: skip
# Name: (class, what its configuration has beside or in place of SIZES).
MODELS = {
    "qwen3next": ("Qwen3NextForCausalLM", {
        "num_hidden_layers": 3, "layer_types": ["linear_attention", "full_attention", "linear_attention"],
        "head_dim": 12, "partial_rotary_factor": 0.5, "linear_num_key_heads": 2, "linear_num_value_heads": 6,
        "linear_key_head_dim": 10, "linear_value_head_dim": 6, "linear_conv_kernel_dim": 4, "num_experts": 5,
        "num_experts_per_tok": 2, "moe_intermediate_size": 12, "shared_expert_intermediate_size": 20,
        "norm_topk_prob": True}),
    "glm": ("GlmForCausalLM", {"head_dim": 12, "attention_bias": True}),
    "glm4": ("Glm4ForCausalLM", {"head_dim": 12, "partial_rotary_factor": 0.5, "tie_word_embeddings": False}),
    "granite": ("GraniteForCausalLM", {"embedding_multiplier": 1.5, "residual_multiplier": 0.7,
                                       "attention_multiplier": 0.2, "logits_scaling": 0.5}),
    "granitemoe": ("GraniteMoeForCausalLM", {
        "embedding_multiplier": 1.5, "residual_multiplier": 0.7, "attention_multiplier": 0.2, "logits_scaling": 0.5,
        "num_local_experts": 5, "num_experts_per_tok": 2, "intermediate_size": 20}),
    "granite4-dense": ("GraniteMoeHybridForCausalLM", {
        "embedding_multiplier": 1.5, "residual_multiplier": 0.7, "attention_multiplier": 0.2, "logits_scaling": 0.5,
        "layer_types": ["attention"] * 2, "num_local_experts": 0, "mamba_n_heads": 8, "shared_intermediate_size": 50}),
    "lfm2": ("Lfm2ForCausalLM", {"num_hidden_layers": 4, "layer_types": ["conv", "full_attention", "conv", "conv"],
                                 "block_multiple_of": 12}),
    "olmoe": ("OlmoeForCausalLM", {"num_experts": 5, "num_experts_per_tok": 2, "intermediate_size": 20}),
    "phi2": ("PhiForCausalLM", {"num_key_value_heads": 4, "partial_rotary_factor": 0.4, "tie_word_embeddings": False}),
    "qwen2moe": ("Qwen2MoeForCausalLM", {
        "num_experts": 5, "num_experts_per_tok": 2, "moe_intermediate_size": 12, "shared_expert_intermediate_size": 20}),
    "stablelm": ("StableLmForCausalLM", {"use_qkv_bias": True, "partial_rotary_factor": 0.4}),
    "stablelm-parallel": ("StableLmForCausalLM", {"use_parallel_residual": True, "partial_rotary_factor": 0.4,
                                                  "num_hidden_layers": 1}),
}  # fmt: skip
SEED = 7


def new_values(name, parameter, generator, is_tied):
    """Numbers by which every part of a model tells in its logits."""
    normal = torch.randn(parameter.shape, generator=generator)
    uniform = torch.rand(parameter.shape, generator=generator)
    leaf = name.rsplit(".", 1)[-1]
    if leaf == "A_log":
        return torch.log(1 + 11 * uniform)
    if leaf == "dt_bias":
        step = torch.exp(math.log(0.01) + uniform * math.log(50))
        return step + torch.log(-torch.expm1(-step))
    if leaf == "D":
        return 1 + 0.3 * normal
    if parameter.dim() == 1 and leaf == "weight":
        return float(parameter.mean() > 0.5) + 0.25 * normal
    if parameter.dim() == 1:
        return 0.15 * normal
    if "embed" in name:
        return (0.2 if is_tied else 0.7) * normal
    gain = 1.6 if "q_proj" in name or "k_proj" in name else 1.1
    return gain / math.sqrt(parameter.shape[-1]) * normal


def logits_of(model, ids):
    with torch.no_grad():
        return model(torch.tensor([ids]), use_cache=False).logits[0].double().numpy()


def greedy(model, ids, n):
    found, margins = [], []
    for _ in range(n):
        scores = logits_of(model, ids + found)[-1]
        second, first = np.sort(scores)[-2:]
        found.append(int(scores.argmax()))
        margins.append(round(float(first - second), 5))
    return found, margins


def save_random(folder, kind, fields):
    """A model of the class `kind` in a folder; returns its configuration."""
    config = kind.config_class(**SIZES | fields, attn_implementation="eager")
    torch.manual_seed(SEED)
    model = kind(config).eval().float()
    generator = torch.Generator().manual_seed(SEED)
    with torch.no_grad():
        for name, parameter in sorted(model.named_parameters()):
            parameter.copy_(new_values(name, parameter, generator, config.tie_word_embeddings))
    model.save_pretrained(folder, safe_serialization=True)
    (folder / "generation_config.json").unlink(missing_ok=True)
    (folder / "model.safetensors").chmod(0o644)
    return config


def make(folder, class_name, fields):
    kind = getattr(transformers, class_name)
    config = save_random(folder, kind, fields)
    model = kind.from_pretrained(folder, attn_implementation="eager", dtype=torch.float32).eval()
    exact = kind.from_pretrained(folder, attn_implementation="eager", dtype=torch.float32).double().eval()
    random, cases = np.random.RandomState(SEED), []
    for number, length in enumerate((1, 13, 47)):
        ids = random.randint(4, config.vocab_size, length).tolist()
        found, precise = logits_of(model, ids), logits_of(exact, ids)
        np.save(folder / f"case{number}.npy", found.astype(np.float32))
        case = {"ids": ids, "out": f"case{number}.npy", "shape": list(found.shape),
                "noise_f32_vs_f64": float(np.abs(found - precise).max() / np.abs(precise).max())}  # fmt: skip
        if number > 0:
            case["greedy"], case["greedy_margins"] = greedy(model, ids, 24)
        cases.append(case)
    truth = {"name": folder.name, "kind": "causal", "weights": "f32",
             "made_with": f"{class_name}, transformers {transformers.__version__}, torch {torch.__version__}",
             "parameters": sum(p.numel() for p in model.parameters()), "vocab_size": config.vocab_size,
             "cases": cases}  # fmt: skip
    (folder / "truth.json").write_text(json.dumps(truth) + "\n")
    margins = [min(case["greedy_margins"]) for case in cases[1:]]
    print(folder.name, "greatest", np.abs(found).max(), "noise", [c["noise_f32_vs_f64"] for c in cases], margins)


def main(target, *names):
    for name in names or MODELS:
        make(pathlib.Path(target) / name, *MODELS[name])


if __name__ == "__main__":
    main(*sys.argv[1:])
