"""A model that says what a test wants: the last token of the prompt decides, and each token that it writes the next.

The embeddings are random directions; the blocks add nothing; the row of the output for a token is the direction of the
token before it.  A prompt ends with the trigger "<say:NAME>"; then follows the script of that name, cut into tokens at
random places that differ from script to script.
"""

import random

import gguf
import numpy as np

D_MODEL = 256
SPECIAL = ["<|end|>", "<|start|>"]  # ids 0 and 1


def byte_alphabet():
    """How GPT-2's vocabulary spells bytes."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = iter(range(256, 512))
    return [chr(b) if b in printable else chr(next(others)) for b in range(256)]


def cut(text, taken, randomness):
    """`text` in pieces, none of which is in `taken`, to which they are added."""
    pieces = []
    while text:
        n = randomness.randint(1, 6)
        while text[:n] in taken and n < len(text):
            n += 1
        if text[:n] in taken:  # the rest is known: join it to what came before
            taken.discard(pieces[-1])
            text = pieces.pop() + text
            n = len(text)
        taken.add(text[:n])
        pieces.append(text[:n])
        text = text[n:]
    return pieces


def write_scripted_model(path, template, scripts, control=()):
    """`scripts`: name -> text; `control`: special tokens, which scripts may hold."""
    randomness = random.Random(5)
    tokens = [*SPECIAL, *control, *byte_alphabet(), "he"]
    types = [gguf.TokenType.CONTROL] * (len(SPECIAL) + len(control)) + [gguf.TokenType.NORMAL] * 257
    taken, follows = {*tokens, "<say:"}, {}

    def add(token):
        tokens.append(token)
        types.append(gguf.TokenType.USER_DEFINED)
        return len(tokens) - 1

    for name, text in scripts.items():
        before = add(f"<say:{name}>")
        for part in split_control(text, control):
            pieces = [part] if part in control else cut(part, taken, randomness)
            for piece in pieces:
                # A control token that comes again would lead back: scripts may hold each once.
                token = tokens.index(piece) if piece in control else add(piece)
                assert token not in follows.values(), f"{piece!r} is in two scripts"
                follows[before] = token
                before = token
        follows[before] = 0
    write_gguf(path, template, tokens, types, follows)


def split_control(text, control):
    for token in control:
        before, found, after = text.partition(token)
        if found:
            return [part for part in [*split_control(before, control), token, *split_control(after, control)] if part]
    return [text] if text else []


def write_gguf(path, template, tokens, types, follows):
    directions = np.random.default_rng(1).normal(size=(len(tokens), D_MODEL)).astype(np.float32)
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    output = np.zeros_like(directions)
    for before, after in follows.items():
        output[after] += 4 * directions[before]
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_context_length(4096)
    writer.add_embedding_length(D_MODEL)
    writer.add_block_count(1)
    writer.add_feed_forward_length(32)
    writer.add_head_count(4)
    writer.add_head_count_kv(4)
    writer.add_layer_norm_rms_eps(1e-6)
    writer.add_rope_dimension_count(D_MODEL // 4)
    writer.add_vocab_size(len(tokens))
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list(tokens)
    writer.add_token_types(types)
    writer.add_token_merges(["h e"])
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(0)
    if template is not None:
        writer.add_chat_template(template)
    square = np.zeros((D_MODEL, D_MODEL), np.float32)
    tensors = {
        "token_embd": directions, "output": output, "output_norm": np.ones(D_MODEL, np.float32),
        "blk.0.attn_norm": np.ones(D_MODEL, np.float32), "blk.0.ffn_norm": np.ones(D_MODEL, np.float32),
        "blk.0.attn_q": square, "blk.0.attn_k": square, "blk.0.attn_v": square, "blk.0.attn_output": square,
        "blk.0.ffn_gate": np.zeros((32, D_MODEL), np.float32), "blk.0.ffn_up": np.zeros((32, D_MODEL), np.float32),
        "blk.0.ffn_down": np.zeros((D_MODEL, 32), np.float32),
    }  # fmt: skip
    for name, tensor in tensors.items():
        writer.add_tensor(f"{name}.weight", tensor)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
