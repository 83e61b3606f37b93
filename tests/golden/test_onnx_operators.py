"""Every operator that graphs are run with gives what ONNX Runtime gives, in every form that exporters write."""

import json
import os
import pathlib
import subprocess

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper

ROOT = pathlib.Path(__file__).resolve().parents[2]
RNG = np.random.default_rng(11)


@pytest.fixture(scope="session")
def run():
    program = pathlib.Path(os.environ.get("TIDEMILL_BUILD", ROOT / "build/release")) / "onnx_run_tool"
    assert program.exists(), f"{program} is not built; run ./dev build"

    def run(path, inputs):
        given = {}
        for name, value in inputs.items():
            kind = {"f": "real", "i": "integer", "b": "boolean"}[value.dtype.kind]
            flat = value.ravel().tolist()
            given[name] = {"kind": kind, "dims": value.shape, "data": [repr(x) for x in flat] if kind == "real" else flat}
        done = subprocess.run([program, path], input=json.dumps(given), capture_output=True, text=True, timeout=60)
        return done

    return run


def read(output):
    dtype = {"real": np.float32, "integer": np.int64, "boolean": bool}[output["kind"]]
    return np.array([float(x) if output["kind"] == "real" else x for x in output["data"]], dtype).reshape(output["dims"])


def model_of(op, inputs, n_outputs=1, opset=17, constants=(), **attributes):
    names = list(inputs)
    types = {"f": TensorProto.FLOAT, "i": TensorProto.INT64, "b": TensorProto.BOOL}
    ports = [
        helper.make_tensor_value_info(name, types[value.dtype.kind], value.shape)
        for name, value in inputs.items() if value is not None and name not in constants
    ]  # fmt: skip
    outputs = [f"y{k}" for k in range(n_outputs)]
    node = helper.make_node(op, [name if inputs[name] is not None else "" for name in names], outputs, **attributes)
    fixed = [onnx.numpy_helper.from_array(inputs[name], name) for name in constants]
    graph = helper.make_graph([node], "one", ports, [onnx.ValueInfoProto(name=name) for name in outputs], fixed)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)


def floats(*shape):
    return RNG.normal(size=shape).astype(np.float32)


def whole(*shape, low=-9, high=10):
    return RNG.integers(low, high, shape)


def truths(*shape):
    return RNG.random(shape) < 0.5


def ints(*values):
    return np.array(values, np.int64)


def f(value):
    return np.array(value, np.float32)


# (operator, inputs in order, attributes; _opset, _n: outputs)
CASES = [
    *[(op, [floats(2, 3, 4), floats(3, 1)], {}) for op in ("Add", "Sub", "Mul", "Div", "Max", "Min")],
    *[(op, [floats(4), floats(2, 1, 4)], {}) for op in ("Add", "Sub", "Mul", "Div")],
    *[(op, [f(2.5), floats(2, 3)], {}) for op in ("Add", "Sub", "Mul", "Div")],
    *[(op, [whole(2, 3), whole(3, low=1)], {}) for op in ("Add", "Sub", "Mul", "Div", "Max", "Min")],
    *[(op, [whole(5, 4), whole(5, 1)], {}) for op in ("Equal", "Less", "LessOrEqual", "Greater", "GreaterOrEqual")],
    *[(op, [floats(5, 4), floats(4)], {}) for op in ("Less", "Greater")],
    *[(op, [truths(3, 4), truths(4)], {}) for op in ("And", "Or", "Xor")],
    ("Equal", [truths(3, 4), truths(3, 4)], {}),
    ("Mod", [whole(9), whole(9, low=1)], {}), ("Mod", [whole(9), whole(9, high=0)], {}),
    ("Mod", [floats(9), floats(9)], {"fmod": 1}),
    ("Pow", [np.abs(floats(3, 4)), f(2)], {}), ("Pow", [floats(3, 4), f(3)], {}),
    ("Pow", [np.abs(floats(3, 4)), floats(4)], {}), ("Pow", [floats(3, 4), ints(2)], {}), ("Pow", [f(3), f([2])], {}),
    ("Where", [truths(2, 1, 4), floats(3, 1), floats(2, 3, 4)], {}), ("Where", [truths(3, 1), whole(3, 4), ints(7)], {}),
    ("Max", [floats(3), floats(2, 3), floats(1)], {}), ("Sum", [floats(3), floats(2, 3), floats(1)], {}),
    *[(op, [floats(3, 5)], {}) for op in (
        "Abs", "Neg", "Sign", "Exp", "Ceil", "Floor", "Round", "Sin", "Cos", "Erf", "Tanh", "Sigmoid", "Relu", "Softplus",
        "Reciprocal", "LeakyRelu", "Elu", "HardSigmoid", "Identity",
    )],
    *[(op, [whole(7)], {}) for op in ("Abs", "Neg", "Sign")],
    *[(op, [np.abs(floats(3, 5))], {}) for op in ("Sqrt", "Log")],
    ("Gelu", [3 * floats(50)], {"_opset": 20}), ("Gelu", [3 * floats(50)], {"_opset": 20, "approximate": "tanh"}),
    ("Clip", [floats(9), f(-0.5), f(0.25)], {}), ("Clip", [floats(9), None, f(0.25)], {}),
    ("Clip", [whole(9), ints(-2).reshape(()), ints(4).reshape(())], {}), ("Clip", [floats(9)], {"_opset": 7, "min": -0.5, "max": 0.5}),
    ("Not", [truths(4)], {}), ("IsNaN", [f([1, np.nan])], {}), ("IsInf", [f([1, np.inf, -np.inf])], {}),
    *[("Cast", [value], {"to": to}) for value in (floats(6), whole(6), truths(6)) for to in (1, 7, 9, 6, 2)],
    ("Cast", [f([2.9, -2.9, 0.0])], {"to": 7}), ("Cast", [f([0.5, 0.0, np.nan])], {"to": 9}),
    ("Shape", [floats(2, 3)], {}), ("Shape", [floats(2, 3, 4)], {"start": -2}), ("Shape", [floats(2, 3, 4)], {"start": 0, "end": -1}),
    ("Size", [floats(2, 3)], {}), ("Reshape", [floats(2, 6), ints(3, -1)], {}), ("Reshape", [floats(2, 6), ints(0, 3, 2)], {}),
    ("Reshape", [floats(0, 6), ints(6, 0)], {"allowzero": 1}), ("Flatten", [floats(2, 3, 4)], {}), ("Flatten", [floats(2, 3, 4)], {"axis": -1}),
    ("Unsqueeze", [floats(2, 3), ints(0, -1)], {}), ("Unsqueeze", [floats(2, 3), ints(1)], {}), ("Unsqueeze", [floats(2, 3)], {"axes": [0, 2], "_opset": 11}),
    ("Squeeze", [floats(1, 3, 1)], {}), ("Squeeze", [floats(1, 3, 1), ints(-1)], {}), ("Squeeze", [floats(1, 3, 1)], {"axes": [0], "_opset": 11}),
    ("Range", [ints(2).reshape(()), ints(9).reshape(()), ints(3).reshape(())], {}), ("Range", [ints(5).reshape(()), ints(-4).reshape(()), ints(-3).reshape(())], {}),
    ("Range", [f(0), f(1), f(0.25)], {}), ("Range", [ints(5).reshape(()), ints(5).reshape(()), ints(1).reshape(())], {}),
    ("ConstantOfShape", [ints(2, 3)], {}),
    ("ConstantOfShape", [ints(2, 3)], {"value": helper.make_tensor("v", TensorProto.INT64, [1], [7])}),
    ("ConstantOfShape", [np.zeros(0, np.int64)], {"value": helper.make_tensor("v", TensorProto.BOOL, [1], [1])}),
    ("Transpose", [floats(2, 3, 4)], {}), ("Transpose", [floats(2, 3, 4)], {"perm": [1, 2, 0]}), ("Transpose", [whole(2, 3)], {}),
    ("Expand", [floats(3, 1), ints(2, 1, 4)], {}), ("Expand", [floats(3, 1), ints(1)], {}), ("Expand", [truths(1), ints(3, 2)], {}),
    ("Slice", [floats(5, 6), ints(1), ints(4)], {}), ("Slice", [floats(5, 6), ints(-3), ints(2**63 - 1), ints(1)], {}),
    ("Slice", [floats(5, 6), ints(4, -1), ints(-6, 1), ints(0, 1), ints(-1, -2)], {}), ("Slice", [floats(5, 6), ints(4), ints(2), ints(0)], {}),
    ("Slice", [floats(5, 6), ints(-1), ints(-(2**63)), ints(1), ints(-1)], {}), ("Slice", [floats(5)], {"starts": [1], "ends": [-1], "_opset": 9}),
    ("Slice", [floats(5, 6), ints(0, 1), ints(9, 6), ints(0, 1), ints(2, 3)], {}),
    ("Concat", [floats(2, 3), floats(2, 1), floats(2, 0)], {"axis": 1}), ("Concat", [whole(2), whole(3)], {"axis": -1}),
    ("Split", [floats(2, 7), ints(3, 4)], {"axis": 1, "_n": 2}), ("Split", [floats(7, 2)], {"axis": 0, "_n": 3, "num_outputs": 3, "_opset": 18}),
    ("Split", [floats(6, 2)], {"_n": 3, "split": [1, 2, 3], "_opset": 11}), ("Split", [floats(6, 2)], {"_n": 2}),
    ("Gather", [floats(5, 3), whole(2, 4, low=-5, high=5)], {}), ("Gather", [floats(2, 5, 3), ints(4).reshape(())], {"axis": 1}),
    ("Gather", [whole(5), ints(-1)], {}), ("GatherElements", [floats(4, 3), whole(2, 3, low=-4, high=4)], {}),
    ("GatherElements", [floats(2, 3, 4), whole(2, 3, 2, low=0, high=4)], {"axis": -1}),
    ("Tile", [floats(2, 3), ints(2, 3)], {}), ("Tile", [whole(1, 3), ints(4, 1)], {}), ("Trilu", [floats(2, 4, 5)], {}),
    ("Trilu", [floats(4, 4), ints(-1).reshape(())], {"upper": 0}), ("CumSum", [whole(3, 4), ints(1).reshape(())], {}),
    ("CumSum", [floats(3, 4), ints(0).reshape(())], {"exclusive": 1, "reverse": 1}),
    *[(op, [floats(2, 3, 4)], {"axes": [-1]}) for op in ("ReduceMean", "ReduceMax", "ReduceMin", "ReduceL1", "ReduceL2", "ReduceSumSquare")],
    *[(op, [floats(2, 3, 4), ints(0, 2)], {"keepdims": 0, "_opset": 18}) for op in ("ReduceMean", "ReduceMax", "ReduceL2")],
    ("ReduceSum", [floats(2, 3, 4), ints(1)], {}), ("ReduceSum", [floats(2, 3, 4)], {}), ("ReduceSum", [whole(2, 3), ints(1)], {}),
    ("ReduceSum", [floats(2, 3)], {"noop_with_empty_axes": 1}), ("ReduceMax", [whole(2, 3)], {"axes": [1]}),
    ("Softmax", [3 * floats(2, 3, 4)], {}), ("Softmax", [floats(2, 3, 4)], {"axis": 1}), ("Softmax", [floats(2, 3, 4)], {"_opset": 11}),
    ("Softmax", [f([[0, -np.inf, 1], [-3e38, 0, -3e38]])], {}), ("Softmax", [floats(2, 3, 4)], {"_opset": 11, "axis": 2}),
    ("LayerNormalization", [floats(2, 3, 8), floats(8), floats(8)], {"axis": -1, "epsilon": 1e-3}),
    ("LayerNormalization", [floats(3, 8), floats(8)], {}), ("LpNormalization", [floats(3, 8)], {}), ("LpNormalization", [floats(3, 8)], {"axis": 0, "p": 1}),
    ("MatMul", [floats(2, 3, 4), floats(4, 5)], {}), ("MatMul", [floats(2, 3, 4), floats(2, 4, 5)], {}),
    ("MatMul", [floats(2, 1, 3, 4), floats(6, 4, 5)], {}), ("MatMul", [floats(4), floats(4, 5)], {}), ("MatMul", [floats(3, 4), floats(4)], {}),
    ("MatMul", [floats(4), floats(4)], {}), ("MatMul", [floats(3, 4), floats(2, 4, 5)], {}), ("MatMul", [floats(0, 4), floats(4, 5)], {}),
    ("Gemm", [floats(3, 4), floats(4, 5), floats(5)], {}), ("Gemm", [floats(4, 3), floats(5, 4), floats(3, 1)], {"transA": 1, "transB": 1, "alpha": 0.5, "beta": 2.0}),
    ("Gemm", [floats(3, 4), floats(4, 5)], {}), ("Dropout", [floats(3, 4)], {}),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case[0]}-{len(case[1])}")
def test_operator(run, tmp_path, case):
    op, values, attributes = case
    attributes = dict(attributes)
    opset, n_outputs = attributes.pop("_opset", 17), attributes.pop("_n", 1)
    inputs = {f"x{k}": value for k, value in enumerate(values)}
    model = model_of(op, inputs, n_outputs, opset, **attributes)
    onnx.save(model, tmp_path / "one.onnx")
    given = {name: value for name, value in inputs.items() if value is not None}
    running = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    expected = running.run(None, given)
    done = run(tmp_path / "one.onnx", given)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    for name, wanted in zip([f"y{k}" for k in range(n_outputs)], expected, strict=True):
        value = read(found[name])
        assert value.shape == wanted.shape
        if wanted.dtype.kind == "f":
            np.testing.assert_allclose(value, wanted, rtol=2e-6, atol=2e-6)
        else:
            np.testing.assert_array_equal(value, wanted.astype(value.dtype))


@pytest.mark.parametrize(
    "op, values, attributes",
    [
        ("Add", [floats(3), floats(4)], {}), ("Add", [floats(3), whole(3)], {}), ("Div", [whole(3), ints(0, 1, 2)], {}),
        ("Reshape", [floats(6), ints(4, -1)], {}), ("Reshape", [floats(6), ints(-1, -1)], {}), ("Reshape", [floats(6), ints(-5)], {}),
        ("Squeeze", [floats(2, 1), ints(0)], {}), ("Unsqueeze", [floats(2), ints(5)], {}), ("Transpose", [floats(2, 3)], {"perm": [0, 0]}),
        ("Expand", [floats(3), ints(2)], {}), ("Expand", [floats(1), ints(1 << 40)], {}), ("Expand", [floats(1), ints(1 << 40, 1 << 40)], {}),
        ("Tile", [floats(1), ints(1 << 40)], {}), ("Tile", [floats(1), ints(-1)], {}), ("ConstantOfShape", [ints(1 << 40)], {}), ("ConstantOfShape", [ints(-1)], {}),
        ("Range", [ints(0), ints(1 << 50), ints(1)], {}), ("Range", [ints(0), ints(9), ints(0)], {}), ("Range", [f(0), f(1), f(0)], {}),
        ("Slice", [floats(3), ints(0), ints(1), ints(1)], {}), ("Slice", [floats(3), ints(0), ints(1), ints(0), ints(0)], {}),
        ("Slice", [floats(3), ints(0, 1), ints(1)], {}), ("Concat", [floats(2), floats(2, 2)], {"axis": 0}), ("Concat", [floats(2), floats(2)], {"axis": 1}),
        ("Split", [floats(4), ints(1, 1)], {"_n": 2}), ("Split", [floats(4), ints(-1, 5)], {"_n": 2}), ("Gather", [floats(3), ints(3)], {}),
        ("Gather", [floats(3), ints(-4)], {}), ("Gather", [floats(3), floats(1)], {}), ("GatherElements", [floats(3), ints(3)], {}),
        ("MatMul", [floats(2, 3), floats(4, 5)], {}), ("MatMul", [f(1), f(2)], {}), ("Gemm", [floats(2, 3), floats(3, 4), floats(5)], {}),
        ("MatMul", [floats(4000, 1), floats(1, 40000)], {}), ("Softmax", [f(1)], {}), ("LayerNormalization", [floats(2, 8), floats(7)], {}), ("ReduceMean", [whole(3)], {}),
        ("CumSum", [floats(3), ints(4)], {}), ("Clip", [floats(3), floats(2)], {}), ("Where", [floats(3), floats(3), floats(3)], {}), ("Cast", [floats(3)], {"to": 8}),
        ("Trilu", [floats(3)], {}), ("Nonsense", [floats(3)], {}), ("Sqrt", [whole(3)], {}), ("Mod", [whole(3), ints(0)], {}), ("Constant", [], {"value_string": "x"}),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused(run, tmp_path, op, values, attributes):
    attributes = dict(attributes)
    n_outputs = attributes.pop("_n", 1)
    inputs = {f"x{k}": value for k, value in enumerate(values)}
    onnx.save(model_of(op, inputs, n_outputs, **attributes), tmp_path / "one.onnx")
    done = run(tmp_path / "one.onnx", inputs)
    assert done.returncode in (3, 4) and op in done.stderr and done.stderr.count("\n") == 1, done.stderr
