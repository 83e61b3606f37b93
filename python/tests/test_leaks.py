"""Memory stays flat over 10,000 calls of each public function, whether it answers or raises; over as many as fit the time
(TIDEMILL_LEAK_SECONDS, 0.3 for each) of those that take longer, such as loading a model."""

import gc
import os
import pathlib
import resource
import time

import ml_dtypes
import numpy as np
import pytest
import tidemill
from public_calls import public_names
from shared import Lender
from tidemill import delta
from tidemill.cache import LRUCache
from tidemill.tokenizer import FastTokenizer, TokenizerConfig

CALLS, LEAST_CALLS = 10_000, 2
SECONDS = float(os.environ.get("TIDEMILL_LEAK_SECONDS", "0.3"))


def resident_bytes():
    return int(pathlib.Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


def grown(call, n, seconds):
    """Bytes in memory after n calls, or after as many as fit the time, and how many those were."""
    end, done = time.monotonic() + seconds, 0
    while done < n and (done < LEAST_CALLS or time.monotonic() < end):
        call()
        done += 1
    gc.collect()
    return resident_bytes()


def raising(call):
    def raised():
        try:
            call()
        except Exception:
            return
        raise AssertionError("nothing was raised")

    return raised


class Key:
    def __init__(self, value):
        self.value = value

    def __hash__(self):
        return 5

    def __eq__(self, other):
        return self.value == other.value


CACHE, MEASURED, FAST = LRUCache(3), LRUCache(10, max_memory=1000), FastTokenizer(TokenizerConfig(cache_capacity=2))
NUMBERS = iter(range(10**9))
ARRAY = np.linspace(-1, 1, 300, dtype=np.float32)
MATRIX = ARRAY[:32].reshape(4, 8)
HALF = MATRIX.astype(ml_dtypes.bfloat16)
INDICES, VALUES, _ = delta.compress_delta_sparse(ARRAY, 0.5)


def fail():
    raise OSError("no")


# Besides one call of each public name.
WAYS = {
    "put of a key with code": lambda: CACHE.put(Key(next(NUMBERS) % 7), [1]),
    "get of a key with code": lambda: CACHE.get(Key(3)),
    "get_or_compute that raises": raising(lambda: CACHE.get_or_compute((next(NUMBERS), "x"), fail)),
    "item that is missing": raising(lambda: CACHE[next(NUMBERS)]),
    "unhashable": raising(lambda: CACHE.put([], 1)),
    "measured": lambda: MEASURED.put(next(NUMBERS), "x" * 200),
    "a cache in itself": lambda: (cache := LRUCache(2)).put("self", cache),
    "encode of new texts": lambda: FAST.encode(str(next(NUMBERS))),
    "encode_full": lambda: FAST.encode_full("tide").byte_offsets,
    "decode that raises": raising(lambda: FAST.decode([10**6])),
    "decompress_delta_sparse that raises": raising(lambda: delta.decompress_delta_sparse(INDICES, VALUES, 3)),
    "compress_delta_int8 that raises": raising(lambda: delta.compress_delta_int8(ARRAY * np.nan)),
    "info that raises": raising(lambda: delta.info("/no/such/file")),
    "load that raises": raising(lambda: tidemill.Engine.load("/no/such/file")),
    "bfloat16": lambda: tidemill.tensor_ops.matmul(HALF, HALF.T),
    "a list": lambda: tidemill.tensor_ops.gelu([1.0, 2.0]),
    "a lent tensor": lambda: tidemill.tensor_ops.silu(Lender(MATRIX)),
    "matmul that raises": raising(lambda: tidemill.tensor_ops.matmul(MATRIX, MATRIX)),
    "silu that raises": raising(lambda: tidemill.tensor_ops.silu("text")),
    "a list that raises": raising(lambda: tidemill.tensor_ops.silu([[1.0], []])),
}


def check(call):
    before = grown(call, CALLS // 10, SECONDS / 2)
    assert grown(call, CALLS, SECONDS) - before < 1 << 20  # a leak of one small object in each call is more


@pytest.mark.parametrize("name", sorted(public_names()))
def test_memory_is_flat(name, world, table):
    check(lambda: world.settle(table[name]()))


@pytest.mark.parametrize("name", WAYS)
def test_memory_is_flat_in_other_ways(name):
    check(WAYS[name])
