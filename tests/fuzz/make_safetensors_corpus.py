"""Writes the seeds of the fuzz targets for safetensors files and for the JSON files beside them into tests/fuzz/corpus."""

import json
import pathlib
import struct

CORPUS = pathlib.Path(__file__).resolve().parent / "corpus"
TYPES = {
    "BOOL": 8, "F4": 4, "F6_E2M3": 6, "F6_E3M2": 6, "U8": 8, "I8": 8, "F8_E5M2": 8, "F8_E4M3": 8, "F8_E8M0": 8,
    "F8_E4M3FNUZ": 8, "F8_E5M2FNUZ": 8, "I16": 16, "U16": 16, "F16": 16, "BF16": 16, "I32": 32, "U32": 32, "F32": 32,
    "C64": 64, "F64": 64, "I64": 64, "U64": 64,
}  # fmt: skip


def pack(header, n_bytes):
    text = header.encode()
    return struct.pack("<Q", len(text)) + text + b"\x3c" * n_bytes


def tensors(names_and_shapes, **other):
    """The file of {name: (dtype, shape)}."""
    header, end = dict(other), 0
    for name, (dtype, shape) in names_and_shapes.items():
        begin, n_bits = end, TYPES[dtype]
        for dim in shape:
            n_bits *= dim
        end = begin + n_bits // 8
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}
    return pack(json.dumps(header), end)


FILES = {
    "types": tensors({dtype: (dtype, [4]) for dtype in TYPES}),
    "shapes": tensors({"a": ("F32", []), "b": ("I8", [2, 1, 3]), "c": ("U8", [0, 7]), "d": ("U8", [1] * 7)}),
    "unaligned": tensors({"a": ("U8", [1]), "b": ("F64", [2]), "c": ("F16", [3])}),
    "metadata": tensors({"w": ("BF16", [2, 2])}, __metadata__={"format": "pt", "é\n\0": "\u2581"}),
    "unknown_fields": pack('{"a":{"x":[{"y":-1.5e3},[]],"dtype":"U8","shape":[2],"data_offsets":[0,2],"z":null}}', 2),
    "nothing": pack("{}      ", 0),
    "hole": pack('{"a":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}}', 2),
    "twice": pack('{"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]},"\\u0061":{}}', 0),
}
DOCUMENTS = {
    "config": '{"model_type": "mamba2", "time_step_limit": [0.0, {"__float__": "Infinity"}], "n": null, "t": true}',
    "python": '{"a": [Infinity, -Infinity, NaN], "b": "Infinity \\" NaN", "c": 1e308, "d": -12}',
    "index": json.dumps({
        "metadata": {"total_size": 3},
        "weight_map": {"a": "model-00001-of-00002.safetensors", "b": "model-00002-of-00002.safetensors"},
    }),
    "outside": '{"weight_map": {"a": "../a.safetensors"}}',
    "deep": "[" * 70 + "]" * 70,
}  # fmt: skip


def main():
    for folder, seeds in {"safetensors": FILES, "json_file": DOCUMENTS}.items():
        (CORPUS / folder).mkdir(parents=True, exist_ok=True)
        for name, content in seeds.items():
            (CORPUS / folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())


if __name__ == "__main__":
    main()
