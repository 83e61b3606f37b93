"""PyTorch at the work of bench/delta_arrays_bench.cpp: keeping the large numbers of an array with their places, and int8.

    delta_arrays.py [THREADS] [MEBI_NUMBERS] [ROUNDS]

Prints one line of JSON for each type and share of kept numbers: medians of seconds.
"""

import json
import statistics
import sys
import time

import torch


def compress_sparse(delta):
    mask = delta.abs() >= 1.0
    return mask.nonzero().flatten().to(torch.int32), delta[mask]


def decompress_sparse(indices, values, like):
    restored = torch.zeros_like(like)
    restored[indices.long()] = values
    return restored


def compress_int8(delta):
    scale = delta.abs().max().float() / 127
    return (delta.float() / scale).round().clamp(-127, 127).to(torch.int8), scale


def decompress_int8(quantized, scale, dtype):
    return (quantized.float() * scale).to(dtype)


def measure(dtype, share, threads, n, rounds):
    generator = torch.Generator().manual_seed(1)
    magnitude = torch.rand(n, generator=generator) / 2 + (torch.rand(n, generator=generator) < share)
    delta = (magnitude * (2 * torch.randint(0, 2, (n,), generator=generator) - 1)).to(dtype)
    seconds = {}

    def timed(name, work):
        begin = time.perf_counter()
        result = work()
        seconds.setdefault(name, []).append(time.perf_counter() - begin)
        return result

    for _ in range(rounds):
        indices, values = timed("compress_sparse_s", lambda: compress_sparse(delta))
        restored = timed("decompress_sparse_s", lambda: decompress_sparse(indices, values, delta))  # noqa: B023
        assert torch.equal(restored[indices.long()], values)
        quantized, scale = timed("compress_int8_s", lambda: compress_int8(delta))
        timed("decompress_int8_s", lambda: decompress_int8(quantized, scale, dtype))  # noqa: B023
    medians = {name: statistics.median(values) for name, values in seconds.items()}
    return {"dtype": str(dtype).removeprefix("torch."), "kept": share, "bytes": delta.nbytes, "threads": threads} | medians


def main(threads=1, mebi_numbers=32, rounds=7):
    torch.set_num_threads(int(threads))
    for share in (0.01, 0.1, 1.0):
        for dtype in (torch.float32, torch.float16):
            print(json.dumps(measure(dtype, share, int(threads), int(mebi_numbers) << 20, int(rounds))), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
