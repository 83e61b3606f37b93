"""An independent float32 NumPy reference of Gemma 3 (text only), read from a GGUF.

It shares no code with the engine and is written for clarity, not speed: every weight is
dequantised to float32 once (gguf.quants.dequantize) and the whole sequence is evaluated at
once, with no KV cache.  Needs numpy and gguf only.

    python gemma3_numpy.py model.gguf ids.json [logits.npy]

ids.json holds {"ids": [...]}, BOS (2) first.  Experiments (activation quantisation, a KV cache
of another type) hook `matmul`, called for every weight matrix, and `kv`, called for K and V.
"""

import json
import sys

import gguf
import numpy as np


def rms_norm(x, weight, eps):
    """x / rms(x) * weight; converters store Gemma's (1 + w) as the weight already."""
    return x / np.sqrt(np.mean(x * x, axis=-1, keepdims=True) + np.float32(eps)) * weight


def gelu_tanh(x):
    c = np.float32(np.sqrt(2.0 / np.pi))
    return np.float32(0.5) * x * (1 + np.tanh(c * (x + np.float32(0.044715) * x * x * x)))


def rope(x, base, factor):
    """Rotate pairs (i, i + D/2) of x [T, heads, D]; position t is divided by `factor`."""
    T, _, D = x.shape
    inv = base ** (-np.arange(0, D, 2, dtype=np.float64) / D)
    angle = np.arange(T, dtype=np.float64)[:, None] / factor * inv[None, :]
    cos = np.cos(angle).astype(np.float32)[:, None, :]
    sin = np.sin(angle).astype(np.float32)[:, None, :]
    a, b = x[..., : D // 2], x[..., D // 2:]
    return np.concatenate([a * cos - b * sin, b * cos + a * sin], axis=-1)


def plain_matmul(x, weight, name):
    """x [T, K] times weight [N, K] transposed.  `name` is the tensor's name in the GGUF."""
    return x @ weight.T


def plain_kv(k, v, layer):
    """K (normed and rotated) and V, each [T, kv_heads, D], as the cache would return them."""
    return k, v


class Gemma3:
    def __init__(self, path, matmul=plain_matmul, kv=plain_kv):
        self.matmul, self.kv = matmul, kv
        reader = gguf.GGUFReader(path)

        def key(name, default=None):
            field = reader.fields.get(name)
            return default if field is None else field.contents()

        if key("general.architecture") != "gemma3":
            raise ValueError("not a gemma3 GGUF: " + str(key("general.architecture")))
        p = "gemma3."
        self.d_model = int(key(p + "embedding_length"))
        self.n_layers = int(key(p + "block_count"))
        self.n_heads = int(key(p + "attention.head_count"))
        self.n_kv = int(key(p + "attention.head_count_kv", self.n_heads))
        self.head_dim = int(key(p + "attention.key_length", 256))
        self.eps = float(key(p + "attention.layer_norm_rms_epsilon", 1e-6))
        self.window = int(key(p + "attention.sliding_window", 0))
        self.base_global = float(key(p + "rope.freq_base", 1e6))
        self.base_local = float(key(p + "rope.freq_base_swa", 1e4))
        self.factor = 1.0  # linear scaling, of the global layers only
        if key(p + "rope.scaling.type", "linear") == "linear":
            self.factor = float(key(p + "rope.scaling.factor", 1.0)) or 1.0

        # Every 6th layer is global, unless the file says otherwise: a number is the period, a
        # list has one flag a layer, true where the layer has the sliding window.
        pattern = key(p + "attention.sliding_window_pattern", 6)
        if isinstance(pattern, (list, tuple, np.ndarray)):
            self.is_local = [bool(flag) for flag in pattern]
        else:
            self.is_local = [i % int(pattern) != int(pattern) - 1 for i in range(self.n_layers)]
        if self.window == 0:
            self.is_local = [False] * self.n_layers

        # The 27B model (62 layers) scales queries by d_model / n_heads, the others by head_dim.
        per_head = self.d_model / self.n_heads if self.n_layers == 62 else self.head_dim
        self.q_scale = np.float32(per_head ** -0.5)

        self.w = {t.name: np.ascontiguousarray(
            gguf.quants.dequantize(t.data, t.tensor_type), dtype=np.float32)
            for t in reader.tensors}
        self.head_name = "output.weight" if "output.weight" in self.w else "token_embd.weight"

    def attention(self, x, i):
        T, H, G, D = x.shape[0], self.n_heads, self.n_kv, self.head_dim
        local, b = self.is_local[i], f"blk.{i}."

        def project(kind, heads):
            name = f"{b}attn_{kind}.weight"
            return self.matmul(x, self.w[name], name).reshape(T, heads, D)

        base, factor = (self.base_local, 1.0) if local else (self.base_global, self.factor)
        q = rope(rms_norm(project("q", H), self.w[b + "attn_q_norm.weight"], self.eps), base, factor)
        k = rope(rms_norm(project("k", G), self.w[b + "attn_k_norm.weight"], self.eps), base, factor)
        k, v = self.kv(k, project("v", G), i)

        # Key j is visible to query t iff j <= t, and in a local layer also t - window < j.
        t, j = np.arange(T)[:, None], np.arange(T)[None, :]
        visible = j <= t
        if local:
            visible &= j > t - self.window
        out = np.empty((T, H, D), np.float32)
        for h in range(H):
            g = h // (H // G)
            s = (q[:, h] * self.q_scale) @ k[:, g].T
            s = np.where(visible, s, np.float32(-np.inf))
            s = np.exp(s - s.max(axis=1, keepdims=True))
            out[:, h] = (s / s.sum(axis=1, keepdims=True)) @ v[:, g]
        name = b + "attn_output.weight"
        return self.matmul(out.reshape(T, H * D), self.w[name], name)

    def ffn(self, x, i):
        def mm(y, kind):
            name = f"blk.{i}.ffn_{kind}.weight"
            return self.matmul(y, self.w[name], name)

        return mm(gelu_tanh(mm(x, "gate")) * mm(x, "up"), "down")

    def hidden(self, ids):
        """The states after the final norm, [T, d_model]."""
        def norm(y, name):
            return rms_norm(y, self.w[name + ".weight"], self.eps)

        x = self.w["token_embd.weight"][np.asarray(ids)] * np.float32(np.sqrt(self.d_model))
        for i in range(self.n_layers):
            b = f"blk.{i}."
            a = self.attention(norm(x, b + "attn_norm"), i)
            x = x + norm(a, b + "post_attention_norm")
            f = self.ffn(norm(x, b + "ffn_norm"), i)
            x = x + norm(f, b + "post_ffw_norm")
        return norm(x, "output_norm")

    def head(self, h, rows=32768):
        """Logits of states h [T, d_model], [T, vocab], in chunks of the head's rows."""
        w = self.w[self.head_name]
        out = np.empty((h.shape[0], w.shape[0]), np.float32)
        for r in range(0, w.shape[0], rows):
            out[:, r:r + rows] = self.matmul(h, w[r:r + rows], self.head_name)
        return out

    def logits(self, ids):
        """Logits of every position, float32 [T, vocab]."""
        return self.head(self.hidden(ids))


if __name__ == "__main__":
    with open(sys.argv[2], encoding="utf-8") as f:
        ids = json.load(f)["ids"]
    result = Gemma3(sys.argv[1]).logits(ids)
    print("top-1 of the last position:", int(result[-1].argmax()))
    if len(sys.argv) > 3:
        np.save(sys.argv[3], result)
