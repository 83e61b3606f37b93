"""Makes tiny random models whose hidden states are wanted, as embedding models are: encoders, and layers of decoders
without their head.

    pip install torch==2.15.0 transformers==4.57.1
    python scripts/golden/make_embedders.py tests/golden/models [NAME ...]
"""

import json
import pathlib
import sys

import numpy as np
import torch
import transformers
from make_models import SEED, save_random

# Name: (class, what its configuration has beside or in place of SIZES).
MODELS = {
    "gemma-embedding": ("Gemma3TextModel", {
        "head_dim": 12, "num_hidden_layers": 3, "sliding_window": 10, "use_bidirectional_attention": True,
        "layer_types": ["sliding_attention", "full_attention", "sliding_attention"], "query_pre_attn_scalar": 12,
        "rope_theta": 1e5, "rope_local_base_freq": 5e3}),
    "distilbert": ("DistilBertModel", {
        "dim": 40, "hidden_dim": 56, "n_heads": 5, "n_layers": 2, "max_position_embeddings": 100}),
    "mpnet": ("MPNetModel", {"num_attention_heads": 5, "max_position_embeddings": 100, "pad_token_id": 1}),
    "llama-layers": ("LlamaModel", {"tie_word_embeddings": False}),
}  # fmt: skip


def make(folder, class_name, fields):
    kind = getattr(transformers, class_name)
    config = save_random(folder, kind, fields)
    # Reading halves a window that looks both ways, writing does not double it.
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | fields, indent=1) + "\n")
    model = kind.from_pretrained(folder, attn_implementation="eager", dtype=torch.float32).eval()
    random, cases = np.random.RandomState(SEED), []
    for number, length in enumerate((1, 13, 47)):
        ids = random.randint(4, config.vocab_size, length).tolist()
        with torch.no_grad():
            found = model(torch.tensor([ids])).last_hidden_state[0].numpy()
        np.save(folder / f"case{number}.npy", found.astype(np.float32))
        cases.append({"ids": ids, "out": f"case{number}.npy", "shape": list(found.shape)})
    truth = {"name": folder.name, "kind": "encoder", "weights": "f32",
             "made_with": f"{class_name}, transformers {transformers.__version__}, torch {torch.__version__}",
             "parameters": sum(p.numel() for p in model.parameters()), "vocab_size": config.vocab_size,
             "cases": cases}  # fmt: skip
    (folder / "truth.json").write_text(json.dumps(truth) + "\n")
    print(folder.name, "greatest", np.abs(found).max())


def main(target, *names):
    for name in names or MODELS:
        make(pathlib.Path(target) / name, *MODELS[name])


if __name__ == "__main__":
    main(*sys.argv[1:])
