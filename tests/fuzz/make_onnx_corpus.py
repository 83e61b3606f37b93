"""Writes the seeds of the fuzz targets onnx and onnx_graph into tests/fuzz/corpus: small graphs, as encoders have them."""

import pathlib

import numpy as np
from onnx import TensorProto, helper, numpy_helper

CORPUS = pathlib.Path(__file__).resolve().parent / "corpus"
IDS = helper.make_tensor_value_info("input_ids", TensorProto.INT64, ["batch", "tokens"])
HIDDEN = helper.make_tensor_value_info("last_hidden_state", TensorProto.FLOAT, ["batch", "tokens", 4])
RNG = np.random.default_rng(5)


def model(nodes, constants, opset=17):
    graph = helper.make_graph(
        [helper.make_node(op, inputs, outputs, **attributes) for op, inputs, outputs, attributes in nodes],
        "seed", [IDS], [HIDDEN],
        [numpy_helper.from_array(np.array(value, None if np.ndim(value) == 0 else np.asarray(value).dtype), name) for name, value in constants.items()],
    )  # fmt: skip
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8).SerializeToString()


def real(*shape):
    return RNG.normal(size=shape).astype(np.float32)


LOOK_UP = ("Gather", ["table", "input_ids"], ["x"], {})
END = "last_hidden_state"
FILES = {
    "table": model([("Gather", ["table", "input_ids"], [END], {})], {"table": real(9, 4)}),
    "linear": model([LOOK_UP, ("MatMul", ["x", "w"], ["y"], {}), ("Add", ["y", "b"], [END], {})], {"table": real(9, 4), "w": real(4, 4), "b": real(4)}),
    "norm": model([LOOK_UP, ("LayerNormalization", ["x", "w", "b"], [END], {"axis": -1})], {"table": real(9, 4), "w": real(4), "b": real(4)}),
    "attention": model(
        [
            LOOK_UP, ("Transpose", ["x"], ["t"], {"perm": [0, 2, 1]}), ("MatMul", ["x", "t"], ["s"], {}),
            ("Softmax", ["s"], ["p"], {"axis": -1}), ("MatMul", ["p", "x"], [END], {}),
        ],
        {"table": real(9, 4)},
    ),
    "shapes": model(
        [
            LOOK_UP, ("Shape", ["x"], ["n"], {}), ("Slice", ["n", "a", "b"], ["m"], {}), ("Concat", ["m", "m"], ["k"], {"axis": 0}),
            ("ConstantOfShape", ["n"], ["z"], {"value": helper.make_tensor("v", TensorProto.FLOAT, [1], [2.0])}),
            ("Reshape", ["x", "n"], ["r"], {}), ("Split", ["r"], ["p", "q"], {"axis": 2}), ("Concat", ["q", "p"], ["o"], {"axis": -1}),
            ("Unsqueeze", ["o", "a"], ["u"], {}), ("Squeeze", ["u", "a"], ["v"], {}), ("Add", ["v", "z"], [END], {}),
        ],
        {"table": real(9, 4), "a": np.array([0]), "b": np.array([1])},
    ),
    "mask": model(
        [
            LOOK_UP, ("Equal", ["input_ids", "one"], ["e"], {}), ("Not", ["e"], ["m"], {}), ("Cast", ["m"], ["i"], {"to": 7}),
            ("CumSum", ["i", "axis"], ["p"], {}), ("Gather", ["table", "p"], ["q"], {}), ("Unsqueeze", ["m", "last"], ["w"], {}),
            ("Where", ["w", "x", "q"], [END], {}),
        ],
        {"table": real(9, 4), "one": np.int64(1), "axis": np.int64(1), "last": np.array([-1])},
    ),
    "old": model([LOOK_UP, ("Softmax", ["x"], ["s"], {}), ("ReduceMean", ["s"], ["m"], {"axes": [-1]}), ("Sub", ["s", "m"], [END], {})], {"table": real(9, 4)}, 11),
}  # fmt: skip


def main():
    for target in ("onnx", "onnx_graph"):
        folder = CORPUS / target
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in FILES.items():
            (folder / name).write_bytes(content)


if __name__ == "__main__":
    main()
