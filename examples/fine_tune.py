#!/usr/bin/env python3
"""Fine-tunes a causal language model on a text file, so that there is something to make a delta of.

    tidemill convert gemma3-270m base/ --dtype bf16
    python examples/fine_tune.py base/ tuned/ --text speeches.txt --steps 30
    tidemill delta make base/ tuned/ tuned.tmdelta

AdamW in float32 from the weights of the folder on; what comes out is rounded to the dtype that the folder has, as who
publishes a fine-tune does. All other files of the folder are copied. Needs PyTorch and transformers.
"""

import argparse
import pathlib
import shutil

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from transformers import AutoModelForCausalLM, AutoTokenizer

WEIGHTS = "model.safetensors"


def pieces_of(text: str, tokenizer, length: int) -> torch.Tensor:
    """The text's ids in rows of `length`; the rest is left out."""
    ids = tokenizer(text, return_tensors="pt").input_ids[0]
    if len(ids) < length:
        raise SystemExit(f"the text has {len(ids)} tokens; at least {length} are needed")
    return ids[: len(ids) // length * length].view(-1, length)


def fine_tune(model, pieces: torch.Tensor, steps: int, batch: int, rate: float, seed: int) -> None:
    """Predicts each piece's tokens from those before them; the rate falls to zero over the steps."""
    generator = torch.Generator().manual_seed(seed)
    optimizer = torch.optim.AdamW(model.parameters(), lr=rate, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.0, steps)
    model.train()
    for step in range(steps):
        chosen = pieces[torch.randint(len(pieces), (batch,), generator=generator)]
        loss = model(input_ids=chosen, labels=chosen).loss
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        print(f"step {step + 1} of {steps}: loss {loss.item():.3f}", flush=True)


def save(model, base: pathlib.Path, out: pathlib.Path) -> None:
    """The folder `base` with the model's weights, each tensor in the dtype and under the name that it has there."""
    shutil.copytree(base, out, dirs_exist_ok=True)
    tuned = dict(model.named_parameters())
    with safe_open(base / WEIGHTS, framework="pt") as file:
        tensors = {name: tuned[name].detach().to(file.get_tensor(name).dtype) if name in tuned else file.get_tensor(name)
                   for name in file.keys()}  # fmt: skip
        save_file(tensors, out / WEIGHTS, metadata=file.metadata())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("base", type=pathlib.Path, help="a folder with config.json, model.safetensors and a tokenizer")
    parser.add_argument("out", type=pathlib.Path, help="the folder to write")
    parser.add_argument("--text", type=pathlib.Path, required=True, help="a UTF-8 text file")
    parser.add_argument("--steps", type=int, default=30)
    parser.add_argument("--batch", type=int, default=2, help="pieces of the text a step")
    parser.add_argument("--length", type=int, default=128, help="tokens of a piece")
    parser.add_argument("--rate", type=float, default=2e-5, help="of learning, in the first step")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    tokenizer = AutoTokenizer.from_pretrained(options.base)
    model = AutoModelForCausalLM.from_pretrained(options.base, dtype=torch.float32)
    pieces = pieces_of(options.text.read_text(encoding="utf-8"), tokenizer, options.length)
    fine_tune(model, pieces, options.steps, options.batch, options.rate, options.seed)
    save(model, options.base, options.out)


if __name__ == "__main__":
    main()
