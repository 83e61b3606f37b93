"""Writes the seeds of the GGUF fuzz target into tests/fuzz/corpus/gguf: small sound files of every kind."""

import pathlib
import tempfile

import numpy as np
from gguf import GGML_QUANT_SIZES, GGMLQuantizationType, GGUFValueType, GGUFWriter

CORPUS = pathlib.Path(__file__).resolve().parent / "corpus/gguf"
READABLE = "F32 F16 BF16 F64 I64 I32 I16 I8 Q4_0 Q4_1 Q5_0 Q5_1 Q8_0 Q2_K Q3_K Q4_K Q5_K Q6_K IQ4_NL IQ4_XS".split()
NUMBERS = [t for t in GGUFValueType if t not in (GGUFValueType.STRING, GGUFValueType.ARRAY, GGUFValueType.BOOL)]


def add_scalars(writer):
    for value_type in NUMBERS:
        writer.add_key_value(value_type.name, 1, value_type)
    writer.add_bool("BOOL", True)
    writer.add_string("STRING", "text")


def add_lists(writer):
    for value_type in NUMBERS:
        writer.add_key_value(value_type.name, [1, 2], GGUFValueType.ARRAY, sub_type=value_type)
    writer.add_array("BOOL", [True, False])
    writer.add_array("tokens", ["<s>", "a", "▁b"])


def add_nested(writer):
    writer.add_array("nested", [[1, 2], [3]])


def add_tensors(names):
    def add(writer):
        for name in names:
            dtype = GGMLQuantizationType[name]
            _, block_bytes = GGML_QUANT_SIZES[dtype]
            writer.add_tensor(name, np.full((1, block_bytes), 60, np.uint8), raw_dtype=dtype)

    return add


def add_shapes(writer):
    writer.add_custom_alignment(64)
    for shape in [(3,), (3, 2), (1, 3, 2), (2, 1, 3, 2)]:
        writer.add_tensor(f"rank{len(shape)}", np.ones(shape, np.float32))


def add_split(writer):
    writer.add_uint16("split.no", 0)
    writer.add_uint16("split.count", 2)
    writer.add_int32("split.tensors.count", 1)


SEEDS = {
    "scalars": add_scalars,
    "lists": add_lists,
    "nested": add_nested,
    "plain_tensors": add_tensors(READABLE[:8]),
    "blocks_of_32": add_tensors([n for n in READABLE if n.endswith(("_0", "_1", "NL"))]),
    "blocks_of_256": add_tensors([n for n in READABLE if n.endswith(("_K", "XS"))]),
    "unreadable_type": add_tensors(["MXFP4"]),
    "shapes": add_shapes,
    "split": add_split,
}


def main():
    CORPUS.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        for name, add in SEEDS.items():
            path = pathlib.Path(folder) / name
            writer = GGUFWriter(path, "tiny")
            add(writer)
            writer.write_header_to_file()
            writer.write_kv_data_to_file()
            writer.write_tensors_to_file()
            writer.close()
            (CORPUS / name).write_bytes(path.read_bytes())


if __name__ == "__main__":
    main()
