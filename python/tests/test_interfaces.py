"""The outward names, which programs of others rely on: each is there, with these parameters, defaults and kinds."""

import importlib
import inspect

import pytest
import tidemill

# Parameters in order: NAME; NAME=DEFAULT; what stands after * is given by name.
NAMES = {
    "tidemill.Engine.load": "model, *, ...",
    "tidemill.Engine.generate": "self, prompt, ...",
    "tidemill.Engine.stream": "self, prompt, ...",
    "tidemill.Engine.agenerate": "self, prompt, ...",
    "tidemill.Engine.astream": "self, prompt, ...",
    "tidemill.Engine.chat": "self, messages, ...",
    "tidemill.Engine.logits": "self, ids",
    "tidemill.Engine.embed": "self, texts, ...",
    "tidemill.Engine.with_deltas": "self, deltas",
    "tidemill.Engine.update": "self, tensors",
    "tidemill.Engine.apply_deltas": "self, deltas",
    "tidemill.Tokenizer.from_file": "path, ...",
    "tidemill.Tokenizer.from_model": "model, ...",
    "tidemill.Tokenizer.encode": "self, text, ...",
    "tidemill.Tokenizer.encode_batch": "self, texts, *, num_threads=1, ...",
    "tidemill.Tokenizer.decode": "self, ids, ...",
    "tidemill.Tokenizer.train": "files, out, ...",
    "tidemill.Embedder.load": "model, ...",
    "tidemill.Embedder.embed": "self, texts, ...",
    "tidemill.tokenizer.FastTokenizer": "config=None, ...",
    "tidemill.tokenizer.TokenizerConfig": "...",
    "tidemill.batch_encode": "tokenizer, texts, parallel=True, ...",
    "tidemill.tensor_ops.TensorOperations": "num_threads=0",
    "tidemill.tensor_ops.TensorOperations.matmul": "self, a, b, m=None, k=None, n=None",
    "tidemill.tensor_ops.TensorOperations.scaled_dot_product_attention": "self, q, k, v, mask=None, ...",
    "tidemill.tensor_ops.TensorOperations.gelu": "self, x, ...",
    "tidemill.tensor_ops.TensorOperations.silu": "self, x",
    "tidemill.tensor_ops.TensorOperations.softmax": "self, x, axis=-1",
    "tidemill.tensor_ops.TensorOperations.layer_norm": "self, x, weight=None, bias=None, eps=1e-05",
    "tidemill.tensor_ops.TensorOperations.rms_norm": "self, x, weight=None, ...",
    "tidemill.tensor_ops.TensorOperations.rope": "self, x, ...",
    "tidemill.simd_dot_product": "a, b",
    "tidemill.simd_vector_add": "a, b",
    "tidemill.check_simd_support": "",
    "tidemill.warmup": "",
    "tidemill.cache.LRUCache": "capacity, ...",
    "tidemill.cache.LRUCache.with_ttl": "capacity, ttl_seconds, ...",
    "tidemill.cache.LRUCache.put_async": "self, key, value",
    "tidemill.cache.LRUCache.get_async": "self, key, default=None",
    "tidemill.cache.CacheManager": "default_capacity=1024",
    "tidemill.cache.CacheManager.get_cache": "self, name, ...",
    "tidemill.delta.compress_delta_sparse": "delta, threshold=1e-06",
    "tidemill.delta.decompress_delta_sparse": "indices, values, shape, dtype=None",
    "tidemill.delta.compress_delta_int8": "delta",
    "tidemill.delta.decompress_delta_int8": "quantized, scale, shape, dtype=None",
    "tidemill.delta.is_available": "",
}
# Of the native part, which tells no signature: they are called.
CALLED = {
    "put": lambda cache: cache.put("a", 1),
    "get": lambda cache: cache.get("a"),
    "get with a default": lambda cache: cache.get("b", default=2),
    "get_or_compute": lambda cache: cache.get_or_compute("c", lambda: 3),
    "stats": lambda cache: [getattr(cache.stats(), field) for field in ("hits", "misses", "evictions", "bytes")],
}


def found(path):
    parts = path.split(".")
    for length in range(len(parts) - 1, 0, -1):
        try:
            owner = importlib.import_module(".".join(parts[:length]))
        except ModuleNotFoundError:
            continue
        for part in parts[length:]:
            owner = getattr(owner, part)
        return owner
    raise AssertionError(path)


def spelled(signature):
    """The parameters as the table has them."""
    parts, starred = [], False
    for parameter in signature.parameters.values():
        if parameter.kind is inspect.Parameter.VAR_KEYWORD:
            continue
        if parameter.kind is inspect.Parameter.KEYWORD_ONLY and not starred:
            parts.append("*")
            starred = True
        has_default = parameter.default is not inspect.Parameter.empty
        parts.append(f"{parameter.name}={parameter.default!r}" if has_default else parameter.name)
    return parts


@pytest.mark.parametrize("path", NAMES)
def test_names_and_parameters(path):
    expected = [part for part in NAMES[path].split(", ") if part]
    parts = spelled(inspect.signature(found(path)))
    if expected and expected[-1] == "...":
        expected.pop()
        parts = parts[: len(expected)]
    assert parts == expected


@pytest.mark.parametrize("what", CALLED)
def test_functions_of_the_native_part(what):
    CALLED[what](tidemill.cache.LRUCache(4))


def test_fields_of_the_configuration():
    fields = tidemill.tokenizer.TokenizerConfig()
    for name in ("use_simd", "parallel", "cache_capacity", "unk_token", "pad_token", "bos_token", "eos_token"):
        assert hasattr(fields, name)


def test_the_contract_of_deltas():
    import numpy as np

    change = np.array([0, 1e-6, -3, 5e-7], np.float32)
    indices, values, ratio = tidemill.delta.compress_delta_sparse(change)
    assert indices.tolist() == [1, 2] and values.dtype == np.float32 and ratio == max(2 * 4 / (6 * 2), 1)
    quantized, scale, ratio = tidemill.delta.compress_delta_int8(change)
    assert quantized.dtype == np.int8 and scale == 3 / 127 and ratio == 2 * 4 / (4 + 4)
    assert tidemill.delta.is_available() is True


def test_every_public_name_says_what_it_is():
    for module in (tidemill, *(importlib.import_module(f"tidemill.{name}") for name in ("cache", "delta", "tensor_ops", "tokenizer"))):
        for name in module.__all__:
            thing = getattr(module, name)
            if not inspect.isclass(thing) and not inspect.isfunction(thing):
                continue
            assert thing.__doc__, f"{module.__name__}.{name}"
            for member, value in vars(thing).items() if inspect.isclass(thing) else ():
                if not member.startswith("_") and inspect.isfunction(value):
                    assert value.__doc__, f"{module.__name__}.{name}.{member}"
