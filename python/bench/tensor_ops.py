"""Tensor functions beside NumPy and, where it is installed, PyTorch, alternating in one run.

    python python/bench/tensor_ops.py [--quick] [--threads 2] [--json FILE] [NAME ...]

Each line has the median time of a call in microseconds; turns of a few milliseconds alternate, so that what else the machine
does meets all alike. Before each is a pause: threads of OpenBLAS and OpenMP look for work for some 20 ms after their last,
which whoever comes next would pay for. NAME keeps the rows that contain it. Calls on 8 numbers show what a call costs by itself.
"""

import argparse
import json
import math
import os
import statistics
import time

os.environ.setdefault("OPENBLAS_THREAD_TIMEOUT", "22")  # 2^22 cycles; read when NumPy is imported

import numpy as np
import tidemill
from tidemill import tensor_ops as ops

try:
    import torch
except ImportError:
    torch = None

TURN, PAUSE = 0.003, 0.03  # seconds


def calls_in_a_turn(function):
    n = 1
    while True:
        begin = time.perf_counter()
        for _ in range(n):
            function()
        if (took := time.perf_counter() - begin) > TURN or n > 10**6:
            return max(1, int(n * TURN / took))
        n *= 4


def measure(functions, n_turns):
    """Median microseconds of a call, of each function."""
    counts = [calls_in_a_turn(function) for function in functions]
    times = [[] for _ in functions]
    for _ in range(n_turns):
        for function, count, found in zip(functions, counts, times, strict=True):
            time.sleep(PAUSE)
            function()
            begin = time.perf_counter()
            for _ in range(count):
                function()
            found.append((time.perf_counter() - begin) / count * 1e6)
    return [statistics.median(found) for found in times]


def softmax(x, axis=-1):
    e = np.exp(x - x.max(axis, keepdims=True))
    return e / e.sum(axis, keepdims=True)


def layer_norm(x, weight, bias):
    centred = x - x.mean(-1, keepdims=True)
    return centred / np.sqrt((centred * centred).mean(-1, keepdims=True) + 1e-5) * weight + bias


def rows(random):
    """(name, ours, NumPy's, PyTorch's) of each comparison."""
    functional = torch.nn.functional if torch else None
    tensor = torch.from_numpy if torch else lambda x: x

    def array(*shape):
        return random.normal(size=shape).astype(np.float32)

    yield "gelu of a float", lambda: ops.gelu(1.0), None, None
    for n in (8, 32, 128, 512, 2048, 8192, 32_768, 131_072, 524_288, 2_097_152, 10_000_000):
        a, b = array(n), array(n)
        left, right = tensor(a), tensor(b)
        yield f"dot {n}", lambda: tidemill.simd_dot_product(a, b), lambda: np.dot(a, b), lambda: torch.dot(left, right)
        yield f"add {n}", lambda: tidemill.simd_vector_add(a, b), lambda: np.add(a, b), lambda: torch.add(left, right)
    for shape in ((8, 64), (128, 768), (1024, 1024), (64, 50_000)):
        x, w = array(*shape), np.ones(shape[-1], np.float32)
        t, tw = tensor(x), tensor(w)
        name = "x".join(map(str, shape))
        yield f"softmax {name}", lambda: ops.softmax(x), lambda: softmax(x), lambda: torch.softmax(t, -1)
        yield f"softmax of columns {name}", lambda: ops.softmax(x, 0), lambda: softmax(x, 0), lambda: torch.softmax(t, 0)
        yield (
            f"gelu tanh {name}",
            lambda: ops.gelu(x, "tanh"),
            lambda: 0.5 * x * (1 + np.tanh(0.7978845608 * (x + 0.044715 * x * x * x))),
            lambda: functional.gelu(t, approximate="tanh"),
        )
        yield f"gelu {name}", lambda: ops.gelu(x), None, lambda: functional.gelu(t)
        yield f"silu {name}", lambda: ops.silu(x), lambda: x / (1 + np.exp(-x)), lambda: functional.silu(t)
        yield (
            f"layer_norm {name}",
            lambda: ops.layer_norm(x, w, w),
            lambda: layer_norm(x, w, w),
            lambda: functional.layer_norm(t, shape[-1:], tw, tw),
        )
        yield f"rms_norm {name}", lambda: ops.rms_norm(x, w), None, lambda: functional.rms_norm(t, shape[-1:], tw, 1e-6)
    for shape in ((1, 8, 1, 64), (1, 8, 128, 64), (2, 12, 512, 64), (1, 8, 1024, 128)):
        q = array(*shape)
        k = array(shape[0], shape[1], max(shape[2], 512), shape[3])
        tq, tk = tensor(q), tensor(k)
        scale = 1 / math.sqrt(shape[-1])
        name = f"{'x'.join(map(str, shape))} over {k.shape[2]}"
        yield (
            f"attention {name}",
            lambda: ops.scaled_dot_product_attention(q, k, k),
            lambda: softmax(q @ k.transpose(0, 1, 3, 2) * scale) @ k,
            lambda: functional.scaled_dot_product_attention(tq, tk, tk),
        )
    for m, k, n in (
        *((16, 16, 16), (128, 128, 128), (1024, 1024, 1024), (1024, 4096, 64)),
        *((m, 768, 2304) for m in (1, 2, 8, 32, 64, 256)),
        (1, 4096, 4096),
    ):
        a, b = array(m, k), array(k, n)
        ta, tb = tensor(a), tensor(b)
        yield f"matmul {m}x{k}x{n}", lambda: ops.matmul(a, b), lambda: a @ b, lambda: ta @ tb
        b = np.ascontiguousarray(b.T).T
        tb = tensor(b)
        yield f"matmul {m}x{k}x{n} transposed", lambda: ops.matmul(a, b), lambda: a @ b, lambda: ta @ tb


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--quick", action="store_true", help="fewer turns")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--json", metavar="FILE")
    arguments = parser.parse_args()
    if torch:
        torch.set_num_threads(arguments.threads)
    tidemill.warmup()
    found = []
    print(f"{'microseconds':34}{'tidemill':>12}{'numpy':>12}{'torch':>12}")
    for name, *functions in rows(np.random.default_rng(0)):
        if arguments.names and not any(word in name for word in arguments.names):
            continue
        if not torch:
            functions[2] = None
        there = [function for function in functions if function]
        times = iter(measure(there, 5 if arguments.quick else 25))
        row = [next(times) if function else None for function in functions]
        found.append({"name": name, "tidemill_us": row[0], "numpy_us": row[1], "torch_us": row[2]})
        print(f"{name:34}" + "".join(f"{one:12.2f}" if one is not None else f"{'':12}" for one in row), flush=True)
    if arguments.json:
        with open(arguments.json, "w", encoding="utf-8") as file:
            json.dump({"threads": arguments.threads, "rows": found}, file, indent=1)


if __name__ == "__main__":
    main()
