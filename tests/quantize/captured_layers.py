"""What enters the linear layers of MiniLM and of Gemma 3, from models written down in NumPy."""

import numpy as np

SENTENCES = [
    "The miller opens the sluice when the tide has turned.", "Corn is ground between two stones of granite.",
    "A wheel of oak turns for twelve hours a day.", "Seven villages bring their grain before the winter comes.",
    "Water that falls through a narrow gate is quicker than it looks.", "Nobody has counted the sacks in the loft.",
    "The bridge was closed in spring, after a flood took its northern pier.", "Prices of flour rose by a third last year.",
    "Engineers measured the flow with floats and a stop watch.", "She wrote down each reading in a small black book.",
    "An eel trap hangs below the race, and herons wait beside it.", "Old maps show a second mill that no one remembers.",
]  # fmt: skip


def softmax(x):
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def layer_norm(x, weight, bias, eps=1e-12):
    x = x - x.mean(-1, keepdims=True)
    return x / np.sqrt((x**2).mean(-1, keepdims=True) + eps) * weight + bias


def gelu(x):
    from math import erf

    return x * 0.5 * (1 + np.vectorize(erf)(x / 2**0.5))


def minilm_layers(tensors, texts, n_heads=12):
    """Name -> (matrix, inputs) of all linear layers of a BERT; `texts` are lists of ids."""
    inputs = {}

    def linear(x, name):
        inputs.setdefault(name, []).append(x)
        return x @ tensors[f"{name}.weight"].T + tensors[f"{name}.bias"]

    def norm(x, name):
        return layer_norm(x, tensors[f"{name}.weight"], tensors[f"{name}.bias"])

    n_layers = 1 + max(int(name.split(".")[2]) for name in tensors if name.startswith("encoder.layer."))
    for ids in texts:
        x = tensors["embeddings.word_embeddings.weight"][ids] + tensors["embeddings.position_embeddings.weight"][: len(ids)]
        x = norm(x + tensors["embeddings.token_type_embeddings.weight"][0], "embeddings.LayerNorm")
        for layer in range(n_layers):
            at = f"encoder.layer.{layer}"
            q, k, v = (
                linear(x, f"{at}.attention.self.{part}").reshape(len(ids), n_heads, -1).swapaxes(0, 1)
                for part in ("query", "key", "value")
            )
            mixed = softmax(q @ k.swapaxes(1, 2) / q.shape[-1] ** 0.5) @ v
            mixed = linear(mixed.swapaxes(0, 1).reshape(len(ids), -1), f"{at}.attention.output.dense")
            x = norm(x + mixed, f"{at}.attention.output.LayerNorm")
            hidden = linear(gelu(linear(x, f"{at}.intermediate.dense")), f"{at}.output.dense")
            x = norm(x + hidden, f"{at}.output.LayerNorm")
    return {name: (tensors[f"{name}.weight"], np.concatenate(all_of).astype(np.float32)) for name, all_of in inputs.items()}


def gemma_layers(tensors, texts, wanted, n_heads=4, head_dim=256, eps=1e-6):
    """Name -> (matrix, inputs) of the linear layers of the layers `wanted` of a Gemma 3 whose `tensors` have GGUF's names.

    Texts are shorter than the window, so that only the base of the rotation differs between layers.
    """
    inputs = {}

    def norm(x, name):
        return x / np.sqrt((x**2).mean(-1, keepdims=True) + eps) * tensors[f"{name}.weight"]

    def linear(x, name, layer):
        if layer in wanted:
            inputs.setdefault(name, []).append(x)
        return x @ tensors[f"{name}.weight"].T

    def rotated(x, base):
        half = head_dim // 2
        angle = np.outer(np.arange(x.shape[0]), base ** (-np.arange(half) / half))[:, None]
        first, second = x[..., :half], x[..., half:]
        return np.concatenate([first * np.cos(angle) - second * np.sin(angle), second * np.cos(angle) + first * np.sin(angle)], -1)

    for ids in texts:
        x = tensors["token_embd.weight"][ids] * tensors["token_embd.weight"].shape[1] ** 0.5
        past = np.tril(np.ones((len(ids), len(ids)), bool))
        for layer in range(max(wanted) + 1):
            at, base = f"blk.{layer}", 1e6 if layer % 6 == 5 else 1e4
            h = norm(x, f"{at}.attn_norm")
            q, k, v = (linear(h, f"{at}.attn_{part}", layer).reshape(len(ids), -1, head_dim) for part in "qkv")
            q = rotated(norm(q, f"{at}.attn_q_norm"), base).swapaxes(0, 1)
            k = rotated(norm(k, f"{at}.attn_k_norm"), base).swapaxes(0, 1)
            scores = np.where(past, q @ k.swapaxes(1, 2) / head_dim**0.5, -np.inf)
            mixed = (softmax(scores) @ v.swapaxes(0, 1)).swapaxes(0, 1).reshape(len(ids), -1)
            x = x + norm(linear(mixed, f"{at}.attn_output", layer), f"{at}.post_attention_norm")
            h = norm(x, f"{at}.ffn_norm")
            gate, up = linear(h, f"{at}.ffn_gate", layer), linear(h, f"{at}.ffn_up", layer)
            gate = 0.5 * gate * (1 + np.tanh(0.7978845608028654 * (gate + 0.044715 * gate**3)))
            x = x + norm(linear(gate * up, f"{at}.ffn_down", layer), f"{at}.post_ffw_norm")
    return {name: (tensors[f"{name}.weight"], np.concatenate(all_of).astype(np.float32)) for name, all_of in inputs.items()}
