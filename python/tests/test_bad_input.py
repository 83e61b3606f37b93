"""What makes no sense, in the place of each argument of every public function: the right class of error or an answer,
never a crash.  test_tensor_ops.py, test_delta.py, test_cache.py and test_tokenizer.py say of single functions which."""

import gc

import numpy as np
import pytest
import tidemill
from hypothesis import given, settings
from hypothesis import strategies as st
from public_calls import public_names

ml_dtypes = pytest.importorskip("ml_dtypes")


class Nasty(Exception):
    """What an object of somebody else's raises."""


class RaisesAlways:
    def fail(self, *_, **__):
        raise Nasty

    __array__ = __dlpack__ = __dlpack_device__ = __len__ = __iter__ = __getitem__ = __fspath__ = fail
    __float__ = __int__ = __index__ = __bool__ = __hash__ = __eq__ = __call__ = __getattr__ = fail


def generator():
    yield from ("one", 2, None)


def read_only(array):
    array.flags.writeable = False
    return array


NUMBERS = np.arange(24, dtype=np.float32)
OBJECTS = [
    None, True, -1, 0, 70_000, 2**40, 2**63 - 1, -(2**63), 10**30, -0.5, float("nan"), float("inf"), 1e300, 1j,
    "", "none", "\0", "a\0b", "\ud800", "x" * 100_000, "../..", "a\nb", b"", b"bytes", bytearray(b"x"), memoryview(b"x"),
    [], [None], ["a", 5], [[1], [1, 2]], [1e400], [2**70], [-1], (), {}, {"a": 1}, {5: "x"}, {1, 2}, range(3), object(), object, len,
    Ellipsis, ValueError("x"), np, RaisesAlways(), [RaisesAlways()],
]  # fmt: skip
ARRAYS = [
    np.zeros(0, np.float32), np.zeros((0, 3), np.float32), np.zeros((3, 0), np.float32), np.array(np.nan, np.float32),
    np.full(24, np.nan, np.float32), np.full((4, 6), np.inf), read_only(np.ones((4, 6), np.float32)), NUMBERS[::-2],
    NUMBERS.reshape(4, 6).T, NUMBERS.reshape(4, 6)[::2, ::-3], np.asfortranarray(np.ones((3, 8, 2), np.float16)),
    np.ones((1,) * 9, np.float32), np.broadcast_to(np.float32(1), (1 << 40,)), np.broadcast_to(np.float32(1), (1 << 20, 1 << 20)),
    np.ones(24, ">f4"), np.ones(24, np.longdouble), np.ones(24, np.complex64), np.ones(24, np.int64), np.ones(24, bool),
    np.ones(24, "datetime64[s]"), np.array(["a", "b"]), np.array([None, "x"], object), np.zeros(3, [("a", "f4"), ("b", "i2")]),
    np.ones(24, ml_dtypes.bfloat16), np.ones(24, ml_dtypes.float8_e4m3fn), np.ma.masked_array(NUMBERS, NUMBERS > 3),
    np.frombuffer(b"\1" * 97, np.uint8)[1:].view(np.float32), np.array([2**63], np.uint64), np.array([-1, 5]),
]  # fmt: skip
WRONG = OBJECTS + ARRAYS
ERRORS = (tidemill.Error, TypeError, ValueError, LookupError, MemoryError, Nasty)


def test_every_public_name_has_a_call(table):
    assert set(table) == public_names()


@pytest.mark.parametrize("name", sorted(public_names()))
def test_what_makes_no_sense(name, world, table, tmp_path, monkeypatch):
    call = table[name]
    places = [*range(len(call.args) or 1), *call.keywords]
    monkeypatch.chdir(tmp_path)  # where a name that means a file may make one

    def put(wrong):
        arguments, options = list(call.args) or [None], dict(call.keywords)
        for place, number in wrong.items():
            (options if isinstance(place, str) else arguments)[place] = WRONG[number]
        try:
            world.settle(call.func(*arguments, **options))
        except ERRORS as error:
            if isinstance(error, tidemill.Error):
                assert "\n" not in str(error) and len(str(error)) < 1000 and error.code

    for place in places:
        for number in range(len(WRONG)):
            put({place: number})
    if len(places) == 1:
        return

    # By their numbers, for not all of them can be compared and shown.  No two are one: the sum over two arrays that seem to
    # have 2^40 elements is right to take hours.
    pairs = st.dictionaries(st.sampled_from(places), st.integers(0, len(WRONG) - 1), min_size=2, max_size=2)

    @settings(max_examples=40, derandomize=True)
    @given(pairs.filter(lambda wrong: len(set(wrong.values())) == 2))
    def put_two(wrong):
        put(wrong)

    put_two()


def test_objects_live_on_after_all_that(table):
    gc.collect()
    for name in ("Engine.generate", "Embedder.embed", "tensor_ops.matmul", "LRUCache.get", "Tokenizer.encode"):
        table[name]()
