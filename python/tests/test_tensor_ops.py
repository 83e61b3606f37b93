"""Tensor functions against float64 in NumPy: values, types, strides, refusals."""

import concurrent.futures
import math
import os

import numpy as np
import pytest
import tidemill
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from shared import Lender
from tidemill import tensor_ops as ops

ml_dtypes = pytest.importorskip("ml_dtypes")
BFLOAT16 = np.dtype(ml_dtypes.bfloat16)
FLOATS = [np.dtype(np.float32), np.dtype(np.float16), BFLOAT16, np.dtype(np.float64)]
# Half a step of the type.
ROUNDING = {np.dtype(np.float16): 2**-11, BFLOAT16: 2**-8}


def expect_near(found, expected, computed):
    """`computed`: what float32 may lose, an array or a number."""
    expected = np.asarray(expected, np.float64)
    allowed = computed + ROUNDING.get(found.dtype, 0) * np.abs(expected) + 1e-7 * (found.dtype == np.float16)
    wrong = np.abs(found.astype(np.float64) - expected) > allowed
    assert found.shape == expected.shape
    assert not wrong.any(), (found[wrong][:3], expected[wrong][:3])


def of_result(dtype):
    return np.dtype(np.float32) if dtype == np.float64 else dtype


@st.composite
def arrays(draw, shape=None, min_dims=1, max_dims=4, dtypes=FLOATS, bound=100.0):
    """An array of moderate numbers, perhaps a view with other strides of one that is larger."""
    if shape is None:
        shape = draw(hnp.array_shapes(min_dims=min_dims, max_dims=max_dims, min_side=0, max_side=20))
    dtype = draw(st.sampled_from(dtypes))
    steps = [draw(st.sampled_from([1, 1, 2, -1])) for _ in shape]
    order = draw(st.permutations(range(len(shape))))
    full = [0] * len(shape)
    for place, axis in enumerate(order):
        full[place] = shape[axis] * abs(steps[axis])
    generator = np.random.default_rng(draw(st.integers(0, 2**32)))
    whole = (generator.normal(size=full) * draw(st.sampled_from([1.0, bound / 4]))).clip(-bound, bound).astype(dtype)
    array = whole.transpose([order.index(axis) for axis in range(len(shape))])
    array = np.asarray(array[tuple(slice(None, None, step) for step in steps)])
    if draw(st.booleans()):
        array.flags.writeable = False
    assert array.shape == tuple(shape)
    return array


def erf(x):
    return np.vectorize(math.erf, otypes=[np.float64])(x)


@given(arrays(min_dims=0))
def test_activations(x):
    wide = x.astype(np.float64)
    size = 3e-7 * np.maximum(1, np.abs(wide))
    found = ops.gelu(x)
    assert found.dtype == of_result(x.dtype)
    expect_near(found, 0.5 * wide * (1 + erf(wide / np.sqrt(2))), size)
    inner = np.sqrt(2 / np.pi) * (wide + 0.044715 * wide**3)
    expect_near(ops.gelu(x, "tanh"), 0.5 * wide * (1 + np.tanh(inner)), size)
    expect_near(ops.silu(x), wide / (1 + np.exp(-wide)), size)


@given(st.floats(-50, 50, width=32))
def test_numbers_give_numbers(x):
    assert isinstance(ops.gelu(x), float)
    assert abs(ops.gelu(x) - 0.5 * x * (1 + math.erf(x / math.sqrt(2)))) <= 3e-7 * max(1, abs(x))
    assert abs(ops.silu(x) - x / (1 + math.exp(-x))) <= 3e-7 * max(1, abs(x))


@given(arrays(bound=10.0), st.data())
def test_softmax(x, data):
    axis = data.draw(st.integers(-x.ndim, x.ndim - 1))
    wide = x.astype(np.float64)
    found = ops.softmax(x, axis)
    assert found.dtype == of_result(x.dtype) and found.flags.c_contiguous
    if x.size == 0:
        assert found.shape == x.shape
        return
    e = np.exp(wide - wide.max(axis, keepdims=True))
    expected = e / e.sum(axis, keepdims=True)
    expect_near(found, expected, 2e-6 * expected + 1e-9)


@given(arrays(max_dims=3), st.data())
def test_norms(x, data):
    wide = x.astype(np.float64)
    weight = data.draw(st.none() | arrays(shape=x.shape[-1:], bound=4.0))
    bias = data.draw(st.none() | arrays(shape=x.shape[-1:], bound=4.0))
    w = 1.0 if weight is None else weight.astype(np.float64)
    b = 0.0 if bias is None else bias.astype(np.float64)
    layer, rms = ops.layer_norm(x, weight, bias, eps=1e-3), ops.rms_norm(x, weight, eps=1e-3)
    assert layer.dtype == rms.dtype == of_result(x.dtype)
    if x.size == 0:
        return
    centred = wide - wide.mean(-1, keepdims=True)
    expected = centred / np.sqrt((centred**2).mean(-1, keepdims=True) + 1e-3) * w + b
    # Numbers that differ little from their mean lose what the mean has too much of.
    lost = 1e-5 + 1e-6 * np.abs(wide).max() / np.sqrt(1e-3 + (centred**2).mean(-1, keepdims=True))
    expect_near(layer, expected, lost * (1 + np.abs(w)) + 1e-6 * np.abs(b))
    root = np.sqrt((wide**2).mean(-1, keepdims=True) + 1e-3)
    expect_near(rms, wide / root * w, 1e-5 * (1 + np.abs(w)))


@given(st.data())
def test_matmul(data):
    m, k, n = (data.draw(st.integers(0, 40)) for _ in range(3))
    a, b = data.draw(arrays(shape=(m, k))), data.draw(arrays(shape=(k, n)))
    expected = a.astype(np.float64) @ b.astype(np.float64)
    magnitude = np.abs(a.astype(np.float64)) @ np.abs(b.astype(np.float64))
    found = ops.matmul(a, b)
    assert found.dtype == (of_result(a.dtype) if a.dtype == b.dtype else np.float32)
    expect_near(found, expected, 1e-6 * magnitude + 1e-30)
    flat = ops.matmul(np.ascontiguousarray(a).reshape(-1), np.ascontiguousarray(b).reshape(-1), m, k, n)
    np.testing.assert_array_equal(flat, ops.matmul(np.ascontiguousarray(a), np.ascontiguousarray(b)))


def attended(q, k, v, mask=None, causal=False, scale=None):
    """The same in float64; q: [b, h, n, d]."""
    q, k, v = (x.astype(np.float64) for x in (q, k, v))
    k, v = (np.repeat(x, q.shape[1] // max(1, x.shape[1]), axis=1) for x in (k, v))
    scores = q @ k.transpose(0, 1, 3, 2) * (1 / np.sqrt(q.shape[-1]) if scale is None else scale)
    if mask is not None:
        scores = np.where(mask, scores, -np.inf) if mask.dtype == bool else scores + mask.astype(np.float64)
    if causal:
        scores = np.where(np.tril(np.ones(scores.shape[-2:], bool)), scores, -np.inf)
    with np.errstate(invalid="ignore"):
        e = np.exp(scores - np.maximum(scores.max(-1, keepdims=True, initial=-np.inf), -1e300))
        weights = np.nan_to_num(e / np.maximum(e.sum(-1, keepdims=True), 1e-300))
    return weights @ v


@settings(max_examples=150)
@given(st.data())
def test_attention(data):
    draw = data.draw
    batch, n_kv_heads, group = draw(st.integers(1, 2)), draw(st.integers(1, 3)), draw(st.integers(1, 3))
    n_queries, n_keys = draw(st.integers(0, 20)), draw(st.sampled_from([0, 1, 5, 40, 130]))
    head_dim = draw(st.integers(1, 40))
    q = draw(arrays(shape=(batch, n_kv_heads * group, n_queries, head_dim), bound=4.0))
    k, v = (draw(arrays(shape=(batch, n_kv_heads, n_keys, head_dim), bound=4.0)) for _ in "kv")
    causal = draw(st.booleans())
    mask = None
    if draw(st.booleans()):
        full = (batch, n_kv_heads * group, n_queries, n_keys)
        shape = [draw(st.sampled_from([1, size])) for size in full][draw(st.integers(0, 3)) :]
        mask = np.random.default_rng(draw(st.integers(0, 99))).normal(size=shape) > -0.5
        if draw(st.booleans()):
            mask = np.where(mask, 1.5, -np.inf).astype(draw(st.sampled_from(FLOATS)))
    found = ops.scaled_dot_product_attention(q, k, v, mask, causal=causal)
    expect_near(found, attended(q, k, v, mask, causal), 5e-6 * max(1, np.abs(v.astype(np.float64)).max(initial=0)))


@given(st.data())
def test_rope(data):
    n_tokens, head_dim = data.draw(st.integers(1, 20)), 2 * data.draw(st.integers(1, 20))
    x = data.draw(arrays(shape=(2, 3, n_tokens, head_dim), bound=4.0))
    n_rotated = 2 * data.draw(st.integers(1, head_dim // 2))
    interleaved = data.draw(st.booleans())
    positions = data.draw(st.none() | st.lists(st.integers(-(10**4), 10**4), min_size=n_tokens, max_size=n_tokens))
    found = ops.rope(x, positions, base=100.0, n_rotated=n_rotated, interleaved=interleaved)
    frequencies = (100.0 ** (-2.0 * np.arange(n_rotated // 2) / n_rotated)).astype(np.float32)
    at = np.asarray(range(n_tokens) if positions is None else positions, np.float32)
    angles = (at[:, None] * frequencies).astype(np.float64)
    wide = x.astype(np.float64)
    first, second = (
        (np.s_[..., 0:n_rotated:2], np.s_[..., 1:n_rotated:2])
        if interleaved
        else (np.s_[..., : n_rotated // 2], np.s_[..., n_rotated // 2 : n_rotated])
    )
    expected = wide.copy()
    expected[first] = wide[first] * np.cos(angles) - wide[second] * np.sin(angles)
    expected[second] = wide[second] * np.cos(angles) + wide[first] * np.sin(angles)
    expect_near(found, expected, 2e-6 * max(1, np.abs(wide).max()))


@given(st.data())
def test_dot_and_add(data):
    n = data.draw(st.sampled_from([0, 1, 3, 8, 16, 100, 20_000]))
    a, b = data.draw(arrays(shape=(n,))), data.draw(arrays(shape=(n,)))
    wide_a, wide_b = a.astype(np.float64), b.astype(np.float64)
    magnitude = np.abs(wide_a * wide_b).sum()
    found = tidemill.simd_dot_product(a, b)
    assert isinstance(found, float)
    assert abs(found - (wide_a * wide_b).sum()) <= 1e-6 * magnitude
    total = tidemill.simd_vector_add(a, b)
    if a.dtype == b.dtype:
        assert total.dtype == a.dtype
        np.testing.assert_array_equal(total, a + b)
    else:
        assert total.dtype == (np.float64 if np.float64 in (a.dtype, b.dtype) else np.float32)
        np.testing.assert_array_equal(total, (wide_a + wide_b).astype(total.dtype))


@given(st.lists(st.floats(-100, 100, width=32), max_size=40))
def test_lists_count_as_float32(values):
    assert tidemill.simd_vector_add(values, values).dtype == np.float32
    np.testing.assert_array_equal(ops.silu(values), ops.silu(np.array(values, np.float32)))
    assert ops.softmax([[1, 2], [3, 4]]).dtype == np.float32


def test_what_is_no_number_goes_its_way():
    x = np.array([[1, np.nan], [np.inf, 1], [-np.inf, -np.inf], [-np.inf, 0]], np.float32)
    np.testing.assert_array_equal(np.isnan(ops.softmax(x)), [[1, 1], [1, 1], [1, 1], [0, 0]])
    np.testing.assert_array_equal(ops.softmax(x)[3], [0, 1])
    assert np.isnan(ops.gelu(np.float32([np.nan]))).all() and ops.gelu(np.float32([np.inf]))[0] == np.inf
    assert np.isnan(ops.layer_norm(x)[:3]).all()
    assert np.isnan(tidemill.simd_dot_product(x[0], x[0]))


def test_views_are_read_where_they_lie():
    whole = np.random.default_rng(1).normal(size=(300, 4000)).astype(np.float32)
    before = whole.copy()
    np.testing.assert_array_equal(ops.softmax(whole.T), ops.softmax(np.ascontiguousarray(whole.T)))
    np.testing.assert_array_equal(ops.matmul(whole.T[:, :50], whole[:50]), ops.matmul(np.ascontiguousarray(whole.T[:, :50]), whole[:50]))
    repeated = np.broadcast_to(np.float32(2), (100, 1000))
    np.testing.assert_array_equal(ops.softmax(repeated), np.full((100, 1000), np.float32(1e-3)))
    odd = np.frombuffer(b"x" + whole.tobytes(), np.float32, offset=1, count=whole.size)  # at odd addresses
    np.testing.assert_array_equal(ops.silu(odd), ops.silu(whole).reshape(-1))
    np.testing.assert_array_equal(ops.silu(whole.astype(">f4")), ops.silu(whole))
    np.testing.assert_array_equal(ops.silu(memoryview(whole)), ops.silu(whole))
    deep = whole[:2, :64].reshape((2,) + (1,) * 20 + (8, 8)).transpose(range(22, -1, -1))
    np.testing.assert_array_equal(ops.softmax(deep), ops.softmax(np.ascontiguousarray(deep)))
    np.testing.assert_array_equal(whole, before)


def test_dlpack():
    x = np.random.default_rng(2).normal(size=(5, 6)).astype(np.float32)
    np.testing.assert_array_equal(ops.softmax(Lender(x)), ops.softmax(x))
    np.testing.assert_array_equal(ops.softmax(Lender(x.T)), ops.softmax(x.T))
    with pytest.raises(TypeError, match=r"^x: numbers of another type"):
        ops.softmax(Lender(x.astype(np.int32)))

    class Refuses:
        def __dlpack__(self):
            raise BufferError("not today")

    with pytest.raises(TypeError, match=r"^x: the Refuses cannot be read") as error:
        ops.softmax(Refuses())
    assert isinstance(error.value.__cause__, BufferError)


def test_pytorch():
    torch = pytest.importorskip("torch")
    functional = torch.nn.functional
    torch.manual_seed(1)
    x = torch.randn(7, 9, 33)
    for found, expected in [
        (ops.softmax(x, 1), torch.softmax(x, 1)),
        (ops.gelu(x), functional.gelu(x)),
        (ops.gelu(x, "tanh"), functional.gelu(x, approximate="tanh")),
        (ops.silu(x), functional.silu(x)),
        (ops.layer_norm(x), functional.layer_norm(x, (33,))),
        (ops.rms_norm(x, eps=1e-6), functional.rms_norm(x, (33,), eps=1e-6)),
        (ops.matmul(x[0], x[1].T), x[0] @ x[1].T),
    ]:
        np.testing.assert_allclose(found, expected.numpy(), rtol=2e-6, atol=1e-5)
    q, k, v = torch.randn(2, 8, 50, 64), torch.randn(2, 2, 70, 64), torch.randn(2, 2, 70, 64)
    for options in [{}, {"is_causal": True}, {"attn_mask": torch.rand(50, 70) > 0.3}, {"attn_mask": torch.randn(2, 1, 50, 70)}]:
        expected = functional.scaled_dot_product_attention(q, k, v, enable_gqa=True, **options)
        found = ops.scaled_dot_product_attention(q, k, v, options.get("attn_mask"), causal="is_causal" in options)
        np.testing.assert_allclose(found, expected.numpy(), atol=5e-6)
    half = torch.randn(40, 40).bfloat16()
    assert ops.silu(half).dtype == BFLOAT16
    np.testing.assert_allclose(ops.silu(half).astype(np.float32), functional.silu(half).float().numpy(), rtol=2**-7)
    with pytest.raises(TypeError, match=r"^x: the Parameter cannot be read"):
        ops.silu(torch.nn.Parameter(x))


WRONG_OBJECTS = [None, "text", b"bytes", bytearray(4), 5j, {1: 2}, {1.0}, object(), [["a"]], [None], [1j], range(3), ops]
WRONG_ARRAYS = [np.arange(3), np.ones(3, bool), np.ones(3, complex), np.array(["a"]), np.array([None]), np.ones(3, "m8[s]"), np.ones(3, np.longdouble)]
FUNCTIONS = [
    ("x", ops.gelu),
    ("x", ops.silu),
    ("x", ops.softmax),
    ("x", ops.layer_norm),
    ("x", ops.rms_norm),
    ("x", ops.rope),
    ("a", lambda x: ops.matmul(x, np.ones((2, 2), np.float32))),
    ("b", lambda x: ops.matmul(np.ones((2, 2), np.float32), x)),
    ("a", lambda x: tidemill.simd_dot_product(x, np.ones(2, np.float32))),
    ("b", lambda x: tidemill.simd_vector_add(np.ones(2, np.float32), x)),
    ("q", lambda x: ops.scaled_dot_product_attention(x, np.ones((2, 2)), np.ones((2, 2)))),
    ("v", lambda x: ops.scaled_dot_product_attention(np.ones((2, 2)), np.ones((2, 2)), x)),
]


@pytest.mark.parametrize(("name", "function"), FUNCTIONS)
def test_other_objects_raise_type_error(name, function):
    for wrong in WRONG_OBJECTS + WRONG_ARRAYS:
        with pytest.raises(TypeError, match=rf"^{name}: "):
            function(wrong)
    with pytest.raises(tidemill.ShapeError, match=rf"^{name}: its lists are of different lengths"):
        function([[1.0], [1.0, 2.0]])


@pytest.mark.parametrize(
    ("name", "call"),
    [
        ("a", lambda x: ops.matmul(x[0], x)),
        ("b", lambda x: ops.matmul(x, x)),
        ("a", lambda x: ops.matmul(x, x, 3, 3, 3)),
        ("a", lambda x: ops.matmul(x, x, -2, -3, 1)),
        ("a", lambda x: ops.matmul(x, x, 2**62, 2**62, 1)),
        ("a", lambda x: tidemill.simd_dot_product(x, x)),
        ("b", lambda x: tidemill.simd_dot_product(x[0], x[0, :2])),
        ("b", lambda x: tidemill.simd_vector_add(x, x.T)),
        ("axis", lambda x: ops.softmax(x, 2)),
        ("axis", lambda x: ops.softmax(np.float32(1))),
        ("x", lambda x: ops.layer_norm(np.float32(1))),
        ("weight", lambda x: ops.layer_norm(x, x)),
        ("bias", lambda x: ops.layer_norm(x, None, x[0, :2])),
        ("weight", lambda x: ops.rms_norm(x, [1.0])),
        ("x", lambda x: ops.rope(x)),
        ("x", lambda x: ops.rope(x[0])),
        ("positions", lambda x: ops.rope(x[:, :2], [1, 2, 3])),
        ("positions", lambda x: ops.rope(x[:, :2], [[1, 2]])),
        ("q", lambda x: ops.scaled_dot_product_attention(x[0], x, x)),
        ("k", lambda x: ops.scaled_dot_product_attention(x, x[:, :2], x)),
        ("v", lambda x: ops.scaled_dot_product_attention(x, x, x[:1])),
        ("k", lambda x: ops.scaled_dot_product_attention(*(np.ones((n, 2, 2)) for n in (3, 2, 2)))),
        ("mask", lambda x: ops.scaled_dot_product_attention(x, x, x, x)),
    ],
)
def test_shapes_raise_shape_error(name, call):
    with pytest.raises(tidemill.ShapeError, match=rf"^{name}: ") as error:
        call(np.ones((2, 3), np.float32))
    assert isinstance(error.value, ValueError) and error.value.thing == name and len(str(error.value)) < 300


def test_options_raise_argument_error():
    x = np.ones((2, 4), np.float32)
    for call in [
        lambda: ops.gelu(x, "sigmoid"),
        lambda: ops.matmul(x, x, 2),
        lambda: ops.layer_norm(x, eps=-1),
        lambda: ops.rms_norm(x, eps=float("nan")),
        lambda: ops.rope(x, base=0),
        lambda: ops.rope(x, [2**31, 1]),
        lambda: ops.rope(x, n_rotated=3),
        lambda: ops.rope(x, n_rotated=-2),
        lambda: ops.scaled_dot_product_attention(x, x, x, scale=float("nan")),
        lambda: ops.TensorOperations(-1),
        lambda: ops.TensorOperations(10**4),
    ]:
        with pytest.raises(tidemill.ArgumentError):
            call()
    for call in [lambda: ops.rope(x, [0.5, 1.5]), lambda: ops.softmax(x, "last"), lambda: ops.TensorOperations("two")]:
        with pytest.raises(TypeError):
            call()


def test_a_result_that_does_not_fit_raises_out_of_memory():
    huge = np.broadcast_to(np.float32(1), (2**40, 2**10))
    with pytest.raises(tidemill.OutOfMemory):
        ops.silu(huge)
    with pytest.raises(tidemill.OutOfMemory):
        ops.matmul(huge[:, :1], np.broadcast_to(np.float32(1), (1, 2**20)))
    with pytest.raises(tidemill.ShapeError):
        ops.matmul(huge, huge)


def test_threads_change_no_bit():
    x = np.random.default_rng(3).normal(size=(64, 5000)).astype(np.float32)
    one, two = ops.TensorOperations(1), ops.TensorOperations(2)
    assert (one.num_threads, two.num_threads) == (1, 2) and repr(one) == "TensorOperations(num_threads=1)"
    expected = one.softmax(x), one.matmul(x, x.T), one.simd_dot_product(x[0], x[1])
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        for found in pool.map(lambda _: (two.softmax(x), two.matmul(x, x.T), two.simd_dot_product(x[0], x[1])), range(20)):
            for left, right in zip(found, expected, strict=True):
                np.testing.assert_array_equal(left, right)


def test_a_forked_process_computes_too():
    x = np.ones((1000, 1000), np.float32)
    ops.softmax(x)
    child = os.fork()
    if child == 0:
        os._exit(0 if ops.softmax(x)[0, 0] == np.float32(1e-3) else 1)
    assert os.waitpid(child, 0)[1] == 0


def test_what_the_processor_has():
    support = tidemill.check_simd_support()
    assert support["active"] in support["available"] and support["n_cores"] >= 1
    assert tidemill.warmup() is None
