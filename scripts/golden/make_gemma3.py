"""Makes tests/golden/gemma3: a tiny random Gemma 3 as GGUF, with logits and greedy continuations by transformers.

    pip install torch transformers gguf && python scripts/golden/make_gemma3.py tests/golden/gemma3

Odd on purpose: two kv heads under four query heads, a window (9) shorter than the prompts, every third layer global
with its own rope base and linear scaling, a vocabulary that is no multiple of 16.
"""

import json
import pathlib
import sys

import gguf
import numpy as np
import torch
from transformers import Gemma3ForCausalLM, Gemma3TextConfig

N_LAYERS, D_MODEL, D_FF, HEADS, KV_HEADS, HEAD_DIM, WINDOW, GLOBAL_EVERY = 3, 64, 96, 4, 2, 20, 9, 3
ROPE_GLOBAL, ROPE_LOCAL, ROPE_SCALE, CONTEXT, EPS = 100000.0, 5000.0, 4.0, 256, 1e-6


def vocabulary():
    """Tokens, scores and types of a small SentencePiece BPE vocabulary with byte fallback."""
    kinds = gguf.TokenType
    tokens = [("<pad>", kinds.CONTROL), ("<eos>", kinds.CONTROL), ("<bos>", kinds.CONTROL), ("<unk>", kinds.UNKNOWN)]
    tokens += [(f"<0x{byte:02X}>", kinds.BYTE) for byte in range(256)]
    words = "\u2581t th \u2581th he \u2581the in er an \u2581a re on nd \u2581and".split() + list("\u2581etaoinshrdlu.,")
    tokens += [(word, kinds.NORMAL) for word in words]
    scores = [-1000.0] * 260 + [-float(rank) for rank in range(len(words))]
    return [t for t, _ in tokens], scores, [int(k) for _, k in tokens]


def make_model(vocab_size):
    torch.manual_seed(3)
    config = Gemma3TextConfig(
        vocab_size=vocab_size, hidden_size=D_MODEL, intermediate_size=D_FF, num_hidden_layers=N_LAYERS,
        num_attention_heads=HEADS, num_key_value_heads=KV_HEADS, head_dim=HEAD_DIM, sliding_window=WINDOW,
        query_pre_attn_scalar=HEAD_DIM, max_position_embeddings=CONTEXT, rms_norm_eps=EPS, rope_theta=ROPE_GLOBAL,
        rope_local_base_freq=ROPE_LOCAL, rope_scaling={"rope_type": "linear", "factor": ROPE_SCALE},
        layer_types=["full_attention" if (i + 1) % GLOBAL_EVERY == 0 else "sliding_attention" for i in range(N_LAYERS)],
        attn_implementation="eager", initializer_range=0.2,
    )
    model = Gemma3ForCausalLM(config).eval()
    for name, parameter in model.named_parameters():
        if "norm" in name:
            # Strong post norms: the blocks must outweigh the tied embedding, which else only repeats its input.
            torch.nn.init.normal_(parameter, mean=4.0 if "post_" in name else 0.0, std=0.3)
    return model


TENSORS = {
    "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output", "self_attn.q_norm": "attn_q_norm", "self_attn.k_norm": "attn_k_norm",
    "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up", "mlp.down_proj": "ffn_down",
    "input_layernorm": "attn_norm", "post_attention_layernorm": "post_attention_norm",
    "pre_feedforward_layernorm": "ffn_norm", "post_feedforward_layernorm": "post_ffw_norm",
}


def gguf_name(name):
    if name == "model.embed_tokens.weight":
        return "token_embd.weight"
    if name == "model.norm.weight":
        return "output_norm.weight"
    layer, part = name.removeprefix("model.layers.").removesuffix(".weight").split(".", 1)
    return f"blk.{layer}.{TENSORS[part]}.weight"


def write_gguf(model, path):
    writer = gguf.GGUFWriter(path, "gemma3")
    writer.add_name("tiny random Gemma 3")
    writer.add_context_length(CONTEXT)
    writer.add_embedding_length(D_MODEL)
    writer.add_block_count(N_LAYERS)
    writer.add_feed_forward_length(D_FF)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(KV_HEADS)
    writer.add_key_length(HEAD_DIM)
    writer.add_value_length(HEAD_DIM)
    writer.add_layer_norm_rms_eps(EPS)
    writer.add_rope_freq_base(ROPE_GLOBAL)
    writer.add_float32("gemma3.rope.freq_base_swa", ROPE_LOCAL)
    writer.add_rope_scaling_type(gguf.RopeScalingType.LINEAR)
    writer.add_rope_scaling_factor(ROPE_SCALE)
    writer.add_sliding_window(WINDOW)
    writer.add_uint32("gemma3.attention.sliding_window_pattern", GLOBAL_EVERY)
    tokens, scores, types = vocabulary()
    writer.add_tokenizer_model("llama")
    writer.add_token_list(tokens)
    writer.add_token_scores(scores)
    writer.add_token_types(types)
    writer.add_bos_token_id(2)
    writer.add_eos_token_id(1)
    writer.add_unk_token_id(3)
    writer.add_pad_token_id(0)
    writer.add_add_bos_token(True)
    writer.add_add_eos_token(False)
    writer.add_add_space_prefix(False)
    for name, parameter in model.named_parameters():
        value = parameter.detach().numpy().astype(np.float32)
        # GGUF stores norm weights with the 1 that Gemma adds to them.
        writer.add_tensor(gguf_name(name), value + 1 if "norm" in name else value)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def main(folder):
    folder.mkdir(parents=True, exist_ok=True)
    vocab_size = len(vocabulary()[0])
    model = make_model(vocab_size)
    write_gguf(model, folder / "model.gguf")
    random = np.random.default_rng(5)
    truth = {"vocab_size": vocab_size, "cases": []}
    for index, length in enumerate([1, 7, 40]):
        ids = [2] + [int(i) for i in random.integers(0, vocab_size, length - 1)]
        with torch.no_grad():
            logits = model(torch.tensor([ids])).logits[0].numpy()
            greedy = model.generate(torch.tensor([ids]), max_new_tokens=24, min_new_tokens=24, do_sample=False)[0]
        np.save(folder / f"case{index}.npy", logits.astype(np.float32))
        truth["cases"].append({"ids": ids, "logits": f"case{index}.npy", "greedy": greedy[len(ids):].tolist()})
    (folder / "truth.json").write_text(json.dumps(truth, indent=1) + "\n")


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
