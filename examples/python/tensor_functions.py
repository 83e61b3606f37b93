# A notebook as a plain file: editors that know cell marks (VS Code, Spyder, PyCharm, Jupytext) run it cell by cell.

# %% [markdown]
# # One layer of a transformer, from tidemill's tensor functions
#
# Attention with rotary positions and grouped heads, then a feed-forward network, on NumPy arrays.

# %%
import numpy as np
import tidemill
from tidemill import tensor_ops as ops

print(tidemill.check_simd_support()["active"])
tidemill.warmup()
random = np.random.default_rng(0)

# %% [markdown]
# ## The weights

# %%
d_model, n_heads, n_kv_heads, d_ff, n_tokens = 256, 8, 2, 1024, 64
head_dim = d_model // n_heads


def weight(n_in: int, n_out: int) -> ops.Array:
    return np.asarray(random.normal(size=(n_in, n_out)) / np.sqrt(n_in), np.float32)


wq, wo = weight(d_model, d_model), weight(d_model, d_model)
wk, wv = weight(d_model, n_kv_heads * head_dim), weight(d_model, n_kv_heads * head_dim)
w_gate, w_up, w_down = weight(d_model, d_ff), weight(d_model, d_ff), weight(d_ff, d_model)
norm = np.ones(d_model, np.float32)

# %% [markdown]
# ## The layer
#
# `heads` gives views, [heads, tokens, head_dim], which the functions read where they lie.


# %%
def heads(x: ops.Array, n: int) -> ops.Array:
    return x.reshape(n_tokens, n, head_dim).transpose(1, 0, 2)


def layer(x: ops.Array) -> ops.Array:
    h = ops.rms_norm(x, norm)
    q = ops.rope(heads(ops.matmul(h, wq), n_heads))
    k = ops.rope(heads(ops.matmul(h, wk), n_kv_heads))
    v = heads(ops.matmul(h, wv), n_kv_heads)
    attended = ops.scaled_dot_product_attention(q, k, v, causal=True)
    x = x + ops.matmul(attended.transpose(1, 0, 2).reshape(n_tokens, d_model), wo)
    h = ops.rms_norm(x, norm)
    gated = ops.silu(ops.matmul(h, w_gate)) * ops.matmul(h, w_up)
    return ops.simd_vector_add(x, ops.matmul(gated, w_down))


tokens = random.normal(size=(n_tokens, d_model)).astype(np.float32)
result = layer(tokens)
print(result.shape, result.dtype)

# %% [markdown]
# ## A token sees none that come after it

# %%
changed = tokens.copy()
changed[40:] = 0
assert np.array_equal(layer(changed)[:40], result[:40])
