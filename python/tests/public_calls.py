"""Every public function and method of the package, and a call of each that is right.

What tests do to all of them: call it until a leak would show (test_leaks.py), and put what makes no sense in the place of
each argument (test_bad_input.py).  A public name without a call here fails `test_every_public_name_has_a_call`.
"""

import asyncio
import functools
import importlib
import inspect
import itertools
import json
import shutil
import typing

import numpy as np
import tidemill
from conftest import GOLDEN
from test_delta import tuned_by
from test_embedder import write_folder
from test_reranker import write_reranker
from tidemill import delta, devices, models, tensor_ops
from tidemill.cache import CacheManager, LRUCache, size_of
from tidemill.tokenizer import FastTokenizer, TokenizerConfig

MODULES = ["tidemill"] + [f"tidemill.{name}" for name in ("cache", "delta", "devices", "embed_job", "embedding_stream",
                                                         "models", "session", "tensor_ops", "tokenizer")]  # fmt: skip
OPERATORS = {"__getitem__", "__setitem__", "__delitem__", "__contains__"}


def public_names():
    """Of functions "module.function"; of classes "Class.method", and "Class" where calling it makes one."""
    names = set()
    for module in map(importlib.import_module, MODULES):
        for name in module.__all__:
            thing = getattr(module, name)
            if inspect.isclass(thing):
                if not issubclass(thing, BaseException) and not typing.is_typeddict(thing):
                    names |= names_of_class(thing)
            elif callable(thing) and typing.get_origin(thing) is None:
                home = "tensor_ops" if inspect.ismethod(thing) else thing.__module__.rpartition(".")[2]
                names.add(f"{home}.{name}")
    return names


def names_of_class(kind):
    found = set()
    for owner in kind.__mro__:
        if not owner.__module__.startswith("tidemill"):
            continue
        for name, member in vars(owner).items():
            function = getattr(member, "__func__", member)
            if callable(function) and not inspect.isclass(function) and (name in OPERATORS or not name.startswith("_")):
                found.add(f"{kind.__name__}.{name}")
    parts = list(inspect.signature(kind).parameters) if not kind.__module__.endswith("_native") else ["native"]
    if "native" not in parts and "service" not in parts:  # those are made by functions
        found.add(kind.__name__)
    return found


class World:
    """What calls need: tiny models, files, arrays."""

    def __init__(self, folder):
        self.folder, self.numbers = folder, itertools.count()
        self.loop = asyncio.new_event_loop()
        base = folder / "base"
        base.mkdir()
        for name in ("config.json", "model.safetensors"):
            shutil.copy(GOLDEN / "models/llama-gqa-untied" / name, base / name)
        tuned_by(base, folder / "tuned", lambda shape: np.full(shape, 0.01))
        self.base, self.tuned, self.delta, self.thin = base, folder / "tuned", folder / "tuned.tmdelta", folder / "thin.tmdelta"
        delta.make(base, self.tuned, self.delta, threads=1)
        delta.make(base, self.tuned, self.thin, mode="lowrank", rank=1, threads=1)
        self.gemma = GOLDEN / "gemma3/model.gguf"
        write_folder(folder / "bert")
        write_reranker(folder / "reranker")
        (folder / "texts.txt").write_text("w5 w6\nw7\n" * 4)
        (folder / "words.txt").write_text("the tide mill stood by the sea\n" * 20)
        (folder / "words.json").write_text("")
        tidemill.Tokenizer.train(folder / "words.txt", folder / "words.json", vocab_size=300)
        self.chat = folder / "chat"
        shutil.copytree(GOLDEN / "models/qwen2-bias-tied", self.chat)
        vocab = {f"w{id}": id for id in range(270)}
        (self.chat / "tokenizer.json").write_text(json.dumps({
            "version": "1.0", "added_tokens": [], "pre_tokenizer": {"type": "Whitespace"},
            "model": {"type": "WordLevel", "vocab": vocab, "unk_token": "w0"}}))  # fmt: skip
        (self.chat / "tokenizer_config.json").write_text(json.dumps({"chat_template": "{{ messages[0].content }}"}))
        self.engine = tidemill.Engine.load(self.chat, threads=1, context_length=64)
        self.plain = tidemill.Engine.load(base, threads=1)
        self.embedder = tidemill.Embedder.load(folder / "bert", threads=1)
        self.reranker = tidemill.Reranker.load(folder / "reranker", threads=1)
        self.tokenizer = tidemill.Tokenizer.from_file(folder / "words.json")
        self.fast = FastTokenizer(TokenizerConfig(cache_capacity=2))
        self.session = self.engine.session()
        self.session.append([5, 6])
        self.session.save(folder / "state")
        self.prompts = tidemill.PromptCache(self.engine, folder / "prompt")
        self.cache, self.manager = LRUCache(3), CacheManager(3)
        self.store = delta.DeltaStore(folder / "store")
        self.store.add(self.delta, "tuned")
        self.model = delta.open(base, self.delta)
        self.vector = np.linspace(-1, 1, 24, dtype=np.float32)
        self.matrix = self.vector.reshape(4, 6)
        self.heads = np.linspace(-1, 1, 2 * 3 * 8, dtype=np.float32).reshape(2, 3, 8)
        self.operations = tensor_ops.TensorOperations(1)

    def settle(self, value):
        """Waits for what is asynchronous, and ends what would go on."""
        if inspect.iscoroutine(value):
            value = self.loop.run_until_complete(value)
        for end in ("cancel", "close"):
            if isinstance(value, (tidemill.AsyncStream, tidemill.Stream, tidemill.EmbeddingStream, tidemill.AsyncEmbeddingStream)):
                getattr(value, end, lambda: None)()
        return value


def calls(world):
    """By the names of `public_names`, functools.partial of the function and its arguments; those that need something
    new for each call are made of a function without arguments."""
    w, one = world, {"max_tokens": 1, "temperature": 0}
    call = functools.partial
    number = w.numbers.__next__

    stream = w.embedder.stream()
    astream = w.embedder.astream()
    finished = tidemill.Engine.stream(w.engine, "w5", **one)
    finished.wait()
    indices, values, _ = delta.compress_delta_sparse(w.vector, 0.5)
    quantized, scale, _ = delta.compress_delta_int8(w.vector)
    roofs = devices.measure_roofs(1)
    profiled = tidemill.Engine.load(w.chat, threads=1, profile=True)
    profiled.generate("w5", **one)
    row = profiled.take_profile()[0]
    pool = devices.DevicePool([lambda *arguments: len(arguments)])

    async def compute():
        return [1]

    table = {
        "Engine.load": call(tidemill.Engine.load, w.chat, threads=1, context_length=64, precision="fast", state="auto", max_running=2),
        "Engine.with_deltas": call(w.plain.with_deltas, [w.delta]),
        "Engine.update": call(tidemill.Engine.load(w.base, threads=1).update, {"model.norm.weight": w.model["model.norm.weight"]}),
        "Engine.apply_deltas": call(tidemill.Engine.load(w.base, threads=1).apply_deltas, [w.delta]),
        "Engine.delta_memory": call(w.engine.delta_memory),
        "Engine.memory": call(w.engine.memory),
        "Engine.take_profile": call(profiled.take_profile),
        "Engine.session": call(w.engine.session),
        "Engine.generate": call(w.engine.generate, "w5", **one, top_k=3, top_p=0.9, seed=1, stop=["w9"], logprobs=1),
        "Engine.stream": call(w.engine.stream, "w5", **one),
        "Engine.agenerate": call(w.engine.agenerate, "w5", **one),
        "Engine.astream": call(w.engine.astream, "w5", **one),
        "Engine.chat": call(w.engine.chat, [{"role": "user", "content": "w5"}], **one),
        "Engine.chat_ids": call(w.engine.chat_ids, [{"role": "user", "content": "w5"}], tools=None),
        "Engine.chat_prompt": call(w.engine.chat_prompt, [{"role": "user", "content": "w5"}], tools=None),
        "Engine.logits": call(w.engine.logits, [5, 6]),
        "Engine.embed": call(tidemill.Engine.load(w.folder / "bert", threads=1).embed, ["w5"]),
        "Stream.wait": call(finished.wait),
        "Stream.close": call(finished.close),
        "AsyncStream.wait": call(lambda: w.engine.astream("w5", **one).wait()),
        "AsyncStream.aclose": call(lambda: w.engine.astream("w5", **one).aclose()),
        "Session": call(tidemill.Session, w.engine),
        "Session.generate": call(w.session.generate, "w5", on_piece=lambda piece: None, **one),
        "Session.score": call(lambda ids: (w.session.truncate(0), w.session.score(ids)), [5, 6]),
        "Session.append": call(lambda ids: (w.session.truncate(0), w.session.append(ids)), [5, 6]),
        "Session.truncate": call(w.session.truncate, 0),
        "Session.fork": call(w.session.fork),
        "Session.save": call(w.session.save, w.folder / "saved"),
        "Session.restore": call(w.session.restore, w.folder / "state"),
        "PromptCache": call(tidemill.PromptCache, w.engine, w.folder / "prompt", max_bytes=1 << 20, on_note=None),
        "PromptCache.load": call(w.prompts.load, w.session, [5, 6, 7]),
        "PromptCache.store": call(w.prompts.store, w.session, [5, 6, 7]),
        "Embedder.load": call(tidemill.Embedder.load, w.folder / "bert", threads=1, precision="fast"),
        "Embedder.load_group": call(tidemill.Embedder.load_group, w.folder / "bert", 1, threads=1),
        "Embedder.embed": call(w.embedder.embed, ["w5"], prompt_name="query", dimensions=8, long_texts="mean", overlap=1),
        "Embedder.aembed": call(w.embedder.aembed, ["w5"], prompt_name="query", dimensions=8),
        "Embedder.stream": call(w.embedder.stream, chunk_by="tokens", chunk_tokens=16, overlap=1, max_wait_ms=1, aggregate="mean"),
        "Embedder.astream": call(w.embedder.astream, chunk_tokens=16),
        "Embedder.service_statistics": call(w.embedder.service_statistics),
        "EmbeddingStream.write": call(lambda text: (s := w.embedder.stream(), s.write(text), s.cancel()), "w5 w6"),
        "EmbeddingStream.flush": call(stream.flush),
        "EmbeddingStream.finish": call(lambda: (s := w.embedder.stream(max_wait_ms=0), s.write("w5"), s.finish(), list(s))),
        "EmbeddingStream.cancel": call(lambda: w.embedder.stream().cancel()),
        "EmbeddingStream.statistics": call(stream.statistics),
        "AsyncEmbeddingStream.write": call(astream.write, ""),
        "AsyncEmbeddingStream.flush": call(astream.flush),
        "AsyncEmbeddingStream.finish": call(lambda: w.embedder.astream().finish()),
        "AsyncEmbeddingStream.cancel": call(lambda: w.embedder.astream().cancel()),
        "AsyncEmbeddingStream.statistics": call(astream.statistics),
        "embed_job.embed_files": call(tidemill.embed_files, [w.embedder], w.folder / "texts.txt", w.folder / "vectors", column="text"),
        "Reranker.load": call(tidemill.Reranker.load, w.folder / "reranker", threads=1),
        "Reranker.scores": call(w.reranker.scores, "w5", ["w6"], scale="raw"),
        "devices.detect": call(devices.detect, timeout_s=0.5),
        "devices.n_sockets": call(devices.n_sockets),
        "devices.core_groups": call(devices.core_groups, 1),
        "devices.run_on": call(devices.run_on, devices.core_groups(1)[0], int),
        "devices.measure_roofs": call(devices.measure_roofs, 1),
        "devices.roof_kernels": call(devices.roof_kernels),
        "Worker": call(devices.Worker, len, "length", slots=1, check=None, interrupt=None),
        "DevicePool": call(devices.DevicePool, [len], balance="random", max_in_flight=2, max_attempts=1, failures_to_retire=1,
                           timeout_s=1.0, check_interval_s=0.5, max_check_interval_s=1.0, give_up_s=1.0, seed=1),
        "DevicePool.submit": call(lambda task: pool.submit(task).result(), 5),
        "DevicePool.run": call(pool.run, 5),
        "DevicePool.arun": call(pool.arun, 5),
        "DevicePool.map": call(pool.map, [5]),
        "DevicePool.statistics": call(pool.statistics),
        "DevicePool.wait": call(pool.wait),
        "DevicePool.close": call(lambda: devices.DevicePool([len]).close()),
        "ProfileRow.least_seconds": call(row.least_seconds, roofs),
        "models.info": call(models.info, w.gemma, context_length=16, batch=1),
        "models.convert": call(models.convert, w.base, w.folder / "made.safetensors", dtype="f32", threads=1, on_progress=None),
        "models.quantize": call(models.quantize, w.gemma, w.folder / "made.tmill", bits=8, group_size=32, threads=1),
        "Tokenizer.from_file": call(tidemill.Tokenizer.from_file, w.folder / "words.json", cache_bytes=1 << 16),
        "Tokenizer.from_model": call(tidemill.Tokenizer.from_model, w.chat, cache_bytes=1 << 16),
        "Tokenizer.train": call(tidemill.Tokenizer.train, [w.folder / "words.txt"], w.folder / "made.json", vocab_size=280, num_threads=1),
        "Tokenizer.encode": call(w.tokenizer.encode, "the tide", max_length=3, padding=True, add_special_tokens=False),
        "Tokenizer.encode_full": call(w.tokenizer.encode_full, "the tide", "the sea", max_length=8, stride=1),
        "Tokenizer.encode_offsets": call(w.tokenizer.encode_offsets, "the tide"),
        "Tokenizer.encode_batch": call(w.tokenizer.encode_batch, ["the", "tide"], num_threads=1, padding=4, pad_id=0),
        "Tokenizer.encode_batch_flat": call(w.tokenizer.encode_batch_flat, ["the", "tide"], num_threads=1),
        "Tokenizer.count": call(w.tokenizer.count, "the tide"),
        "Tokenizer.decode": call(w.tokenizer.decode, [1, 2], skip_special_tokens=True),
        "Tokenizer.decode_batch": call(w.tokenizer.decode_batch, [[1, 2]]),
        "Tokenizer.token_name": call(w.tokenizer.token_name, 1),
        "Tokenizer.token_id": call(w.tokenizer.token_id, "t"),
        "Tokenizer.vocab": call(w.fast.vocab),
        "Tokenizer.is_special": call(w.tokenizer.is_special, 1),
        "Tokenizer.cache_statistics": call(w.tokenizer.cache_statistics),
        "TokenizerConfig": call(TokenizerConfig, model="bytes", cache_capacity=2),
        "FastTokenizer": call(FastTokenizer, TokenizerConfig(cache_capacity=2), cache_bytes=1 << 10),
        "FastTokenizer.from_file": call(FastTokenizer.from_file, w.folder / "words.json"),
        "FastTokenizer.from_model": call(FastTokenizer.from_model, w.folder / "words.json"),
        "FastTokenizer.train": call(FastTokenizer.train, [w.folder / "words.txt"], w.folder / "made.json", vocab_size=280),
        "FastTokenizer.encode": call(lambda text: w.fast.encode(text), "the tide"),
        "FastTokenizer.encode_batch": call(w.fast.encode_batch, ["the", "tide"], num_threads=1),
        "FastTokenizer.clear_cache": call(w.fast.clear_cache),
        "FastTokenizer.cache_stats": call(w.fast.cache_stats),
        "tokenizer.batch_encode": call(tidemill.batch_encode, w.tokenizer, ["the", "tide"], parallel=False),
        "LRUCache": call(LRUCache, 3, policy="s3-fifo", ttl_seconds=1.0, max_memory=1000, size_of=len),
        "LRUCache.with_ttl": call(LRUCache.with_ttl, 3, 1.0),
        "LRUCache.put": call(lambda value: w.cache.put(str(number()), value), [1]),
        "LRUCache.get": call(w.cache.get, "x" * 50, default=2),
        "LRUCache.remove": call(lambda: w.cache.remove(str(number()))),
        "LRUCache.get_or_compute": call(lambda compute: w.cache.get_or_compute((number(), "x"), compute), lambda: [1]),
        "LRUCache.get_async": call(w.cache.get_async, "x"),
        "LRUCache.put_async": call(w.cache.put_async, "x", [1]),
        "LRUCache.get_or_compute_async": call(lambda compute: w.cache.get_or_compute_async(number(), compute), compute),
        "LRUCache.items": call(w.cache.items),
        "LRUCache.stats": call(w.cache.stats),
        "LRUCache.clear": call(w.cache.clear),
        "LRUCache.__getitem__": call(lambda key: (w.cache.put("held", 1), w.cache.__getitem__(key)), "held"),
        "LRUCache.__setitem__": call(w.cache.__setitem__, "x", [1]),
        "LRUCache.__delitem__": call(lambda key: (w.cache.put("held", 1), w.cache.__delitem__(key)), "held"),
        "LRUCache.__contains__": call(w.cache.__contains__, "x"),
        "CacheManager": call(CacheManager, 3),
        "CacheManager.get_cache": call(w.manager.get_cache, "x", 3),
        "CacheManager.names": call(w.manager.names),
        "CacheManager.remove": call(w.manager.remove, "none"),
        "CacheManager.clear": call(w.manager.clear),
        "CacheManager.stats": call(w.manager.stats),
        "cache.size_of": call(size_of, [1, "two", {3: w.vector}]),
        "delta.is_available": call(delta.is_available),
        "delta.compress_delta_sparse": call(delta.compress_delta_sparse, w.vector, 0.5),
        "delta.decompress_delta_sparse": call(delta.decompress_delta_sparse, indices, values, (4, 6), np.float32),
        "delta.compress_delta_int8": call(delta.compress_delta_int8, w.vector),
        "delta.decompress_delta_int8": call(delta.decompress_delta_int8, quantized, scale, (4, 6), np.float32),
        "delta.make": call(delta.make, w.base, w.tuned, w.folder / "made.tmdelta", mode="sparse", threads=1, on_progress=None),
        "delta.apply": call(delta.apply, w.base, w.delta, w.folder / "restored", threads=1),
        "delta.verify": call(delta.verify, w.base, [w.delta], threads=1),
        "delta.rebase": call(delta.rebase, w.base, w.delta, w.folder / "rebased.tmdelta", onto=None, threads=1),
        "delta.export": call(delta.export, w.thin, w.folder / "adapter", base_name="base"),
        "delta.info": call(delta.info, w.delta),
        "delta.diff": call(delta.diff, w.base, w.tuned, threads=1),
        "delta.open": call(delta.open, w.base, w.delta),
        "DeltaModel": call(delta.DeltaModel, w.base, [w.delta]),
        "DeltaModel.__getitem__": call(w.model.__getitem__, "model.norm.weight"),
        "DeltaModel.__contains__": call(w.model.__contains__, "model.norm.weight"),
        "DeltaStore": call(delta.DeltaStore, w.folder / "store"),
        "DeltaStore.add": call(lambda file: (w.store.remove("tuned"), w.store.add(file, "tuned")), w.delta),
        "DeltaStore.list": call(w.store.list),
        "DeltaStore.get": call(w.store.get, "tuned", w.folder / "got.tmdelta"),
        "DeltaStore.remove": call(lambda name: (w.store.remove(name), w.store.add(w.delta, "tuned")), "tuned"),
        "DeltaStore.gc": call(w.store.gc),
        "DeltaStore.verify": call(w.store.verify),
        "TensorOperations": call(tensor_ops.TensorOperations, 1),
        "tensor_ops.check_simd_support": call(tensor_ops.check_simd_support),
    }
    for name, make in (("embed_job.embed_files", "vectors"), ("delta.apply", "restored"), ("delta.export", "adapter")):
        table[name] = starting_anew(table[name], w.folder / make)
    # Of the module and of an object alike.
    functions = {
        "matmul": (w.matrix, w.matrix.T, 4, 6, 4),
        "scaled_dot_product_attention": (w.heads, w.heads, w.heads, np.ones((3, 3), bool)),
        "gelu": (w.matrix, "tanh"),
        "silu": (w.matrix,),
        "softmax": (w.matrix, 0),
        "layer_norm": (w.matrix, w.matrix[0], w.matrix[1], 1e-5),
        "rms_norm": (w.matrix, w.matrix[0], 1e-6),
        "rope": (w.heads, [0, 1, 2]),
        "simd_dot_product": (w.vector, w.vector),
        "simd_vector_add": (w.vector, w.vector),
        "warmup": (),
    }
    for name, arguments in functions.items():
        table[f"tensor_ops.{name}"] = call(getattr(tensor_ops, name), *arguments)
        table[f"TensorOperations.{name}"] = call(getattr(w.operations, name), *arguments)
    # What a FastTokenizer has of its base.
    for name in public_names():
        if name.startswith("FastTokenizer.") and name not in table:
            inherited = table[name.replace("FastTokenizer", "Tokenizer")]
            table[name] = call(getattr(w.fast, name.partition(".")[2]), *inherited.args, **inherited.keywords)
    return table


def starting_anew(call, folder):
    """A call that writes into a folder which is not there."""

    def begin(*arguments, **options):
        shutil.rmtree(folder, ignore_errors=True)
        return call.func(*arguments, **options)

    return functools.partial(begin, *call.args, **call.keywords)
