"""Round-to-nearest, AWQ and GPTQ in NumPy, step by step as the papers and their authors' code have them, to be judged by.

All give the values that a matrix w [n, k] stands for once its rows are codes in groups of `group` inputs that share a
scale in float16 and a whole zero. x [tokens, k] is what enters it.
"""

import numpy as np


def rounded(w, bits, group):
    """Asymmetric round-to-nearest over each group's whole range: llm-awq's pseudo_quantize_tensor."""
    n, k = w.shape
    grouped, top = w.reshape(n, k // group, group), (1 << bits) - 1
    low, high = np.minimum(grouped.min(-1, keepdims=True), 0), np.maximum(grouped.max(-1, keepdims=True), 0)
    scale = np.maximum((high - low) / top, 1e-7).astype(np.float16).astype(np.float32)
    zero = np.clip(np.round(-low / scale), 0, top)
    codes = np.clip(np.round(grouped / scale) + zero, 0, top)
    return ((codes - zero) * scale).reshape(n, k).astype(np.float32)


def output_error(w, values, x):
    """The sum of the squared errors of the outputs over the sum of their squares."""
    truth = x @ w.T
    return float(((x @ values.T - truth) ** 2).sum() / (truth**2).sum())


def clipped(w, bits, group, x, n_steps=10, least=0.5, most_tokens=512):
    """The range of each group that loses least in the outputs: llm-awq's auto_clip_layer (20 steps down to a half)."""
    n, k = w.shape
    x = x[:: max(1, len(x) // most_tokens)].reshape(-1, k // group, group)
    grouped = w.reshape(n, k // group, group)
    best, best_error = grouped.copy(), np.full((n, k // group), np.inf)
    highest = np.abs(grouped).max(-1, keepdims=True)
    for step in range(n_steps):
        bound = highest * (1 - least * step / n_steps)
        cut = np.clip(grouped, -bound, bound)
        wrong = rounded(cut.reshape(n, k), bits, group).reshape(grouped.shape) - grouped
        error = np.empty_like(best_error)
        for g in range(k // group):
            error[:, g] = ((x[:, g] @ wrong[:, g].T) ** 2).sum(0)
        better = error < best_error
        best_error[better] = error[better]
        best[better] = cut[better]
    return best.reshape(n, k)


def awq(w, x, bits, group, n_grid=20):
    """Lin et al. 2023, arXiv:2306.00978: the scales of inputs, of 20, then the ranges that lose least."""
    magnitude = np.abs(x).mean(0)
    best, least = None, np.inf
    for step in range(n_grid):
        scale = np.maximum(magnitude ** (step / n_grid), 1e-4)
        scale = (scale / np.sqrt(scale.max() * scale.min())).astype(np.float32)
        error = output_error(w, rounded(w * scale, bits, group) / scale, x)
        if error < least:
            best, least = scale, error
    return rounded(clipped(w * best, bits, group, x / best), bits, group) / best


def gptq(w, x, bits, group, damping=0.01, act_order=False):
    """Frantar et al. 2022, arXiv:2210.17323, column by column with the inverse's Cholesky factor, as in its code."""
    w, hessian = w.astype(np.float64).copy(), 2 * (x.T.astype(np.float64) @ x) / len(x)
    order = np.argsort(-np.diag(hessian), kind="stable") if act_order else np.arange(w.shape[1])
    w, hessian = w[:, order], hessian[np.ix_(order, order)]
    dead = np.diag(hessian) == 0
    hessian[dead, dead] = 1
    w[:, dead] = 0
    hessian[np.diag_indices_from(hessian)] += damping * np.diag(hessian).mean()
    upper = np.linalg.cholesky(np.linalg.inv(hessian)).T
    result, top = np.zeros_like(w), (1 << bits) - 1
    for begin in range(0, w.shape[1], group):
        low, high = np.minimum(w[:, begin : begin + group].min(1), 0), np.maximum(w[:, begin : begin + group].max(1), 0)
        scale = np.maximum((high - low) / top, 1e-7).astype(np.float16).astype(np.float64)
        zero = np.clip(np.round(-low / scale), 0, top)
        end, errors = begin + group, np.empty((len(w), group))
        for i in range(begin, end):
            codes = np.clip(np.round(w[:, i] / scale) + zero, 0, top)
            result[:, i] = (codes - zero) * scale
            errors[:, i - begin] = (w[:, i] - result[:, i]) / upper[i, i]
            w[:, i:end] -= np.outer(errors[:, i - begin], upper[i, i:end])
        w[:, end:] -= errors @ upper[begin:end, end:]  # the same for all columns behind the group at once
    back = np.empty_like(result)
    back[:, order] = result
    return back.astype(np.float32)
