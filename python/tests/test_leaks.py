"""Memory stays flat over 10,000 calls of each function, whether it answers or raises."""

import gc
import pathlib

import numpy as np
import pytest
import tidemill
from tidemill import delta
from tidemill.cache import LRUCache
from tidemill.tokenizer import FastTokenizer, TokenizerConfig

CALLS = 10_000


def resident_bytes():
    return int(pathlib.Path("/proc/self/statm").read_text().split()[1]) * 4096


def growth(call, n):
    for _ in range(n):
        call()
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
INDICES, VALUES, _ = delta.compress_delta_sparse(ARRAY, 0.5)
QUANTIZED, SCALE, _ = delta.compress_delta_int8(ARRAY)


def fail():
    raise OSError("no")


FUNCTIONS = {
    "put": lambda: CACHE.put(str(next(NUMBERS)), [1]),
    "put of a key with code": lambda: CACHE.put(Key(next(NUMBERS) % 7), [1]),
    "get": lambda: CACHE.get("x" * 50),
    "get of a key with code": lambda: CACHE.get(Key(3)),
    "remove": lambda: CACHE.remove(str(next(NUMBERS))),
    "get_or_compute": lambda: CACHE.get_or_compute((next(NUMBERS), "x"), lambda: [1]),
    "get_or_compute that raises": raising(lambda: CACHE.get_or_compute((next(NUMBERS), "x"), fail)),
    "item that is missing": raising(lambda: CACHE[next(NUMBERS)]),
    "unhashable": raising(lambda: CACHE.put([], 1)),
    "items": lambda: CACHE.items(),
    "stats": lambda: CACHE.stats(),
    "measured": lambda: MEASURED.put(next(NUMBERS), "x" * 200),
    "a cache in itself": lambda: (cache := LRUCache(2)).put("self", cache),
    "encode": lambda: FAST.encode(str(next(NUMBERS))),
    "encode_batch": lambda: FAST.encode_batch([str(next(NUMBERS))] * 3, num_threads=1),
    "encode_batch_flat": lambda: FAST.encode_batch_flat(["tide"] * 3),
    "encode_full": lambda: FAST.encode_full("tide").byte_offsets,
    "decode_batch": lambda: FAST.decode_batch([[97, 98]] * 3),
    "decode that raises": raising(lambda: FAST.decode([10**6])),
    "compress_delta_sparse": lambda: delta.compress_delta_sparse(ARRAY, 0.5),
    "decompress_delta_sparse": lambda: delta.decompress_delta_sparse(INDICES, VALUES, 300),
    "decompress_delta_sparse that raises": raising(lambda: delta.decompress_delta_sparse(INDICES, VALUES, 3)),
    "compress_delta_int8": lambda: delta.compress_delta_int8(ARRAY),
    "compress_delta_int8 that raises": raising(lambda: delta.compress_delta_int8(ARRAY * np.nan)),
    "decompress_delta_int8": lambda: delta.decompress_delta_int8(QUANTIZED, SCALE, 300),
    "info that raises": raising(lambda: delta.info("/no/such/file")),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_memory_is_flat(name):
    before = growth(FUNCTIONS[name], CALLS // 10)
    assert growth(FUNCTIONS[name], CALLS) - before < 1 << 20
