"""Writes the seeds of the fuzz target for .tmill files into tests/fuzz/corpus/tmill."""

import json
import pathlib
import struct

CORPUS = pathlib.Path(__file__).resolve().parent / "corpus/tmill"
GGUF = b"GGUF" + struct.pack("<IQQ", 3, 0, 1) + struct.pack("<Q", 1) + b"k" + struct.pack("<IB", 7, 1)
# dtype, rows, columns -> [panels, bytes of a panel]
MATRICES = {
    "f32": (3, 5, [1, 320]), "f16": (17, 3, [2, 128]), "q8_0": (2, 32, [1, 576]), "q5_1": (1, 64, [1, 768]),
    "q4_k": (1, 256, [1, 2304]), "iq4_xs": (16, 256, [1, 2240]),
}  # fmt: skip


def tmill(tensors, **metadata):
    header, end = {"__metadata__": {"format": "tmill", "version": "1", "architecture": "a"} | metadata}, 0
    for name, (dtype, shape) in tensors.items():
        begin, end = end, end + (4 if dtype == "F32" else 1) * (shape[0] * (shape[1] if len(shape) > 1 else 1))
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}
    text = json.dumps(header).encode()
    text += b" " * (-(8 + len(text)) % 64)
    return struct.pack("<Q", len(text)) + text + bytes(index * 37 % 251 for index in range(end))


def seeds():
    for dtype, (rows, columns, shape) in MATRICES.items():
        yield dtype, tmill({"w": ("U8", shape)}, config="{}", w=f"panels {dtype} {rows} {columns}")
    yield "plain", tmill({"norm": ("F32", [3]), "padding/0": ("U8", [52]), "bias": ("F32", [16])}, config="{}")
    with_gguf = tmill({"norm": ("F32", [16]), "files/metadata.gguf": ("U8", [len(GGUF)])})
    yield "gguf", with_gguf[: -len(GGUF)] + GGUF
    yield "layout", tmill({"w": ("U8", [1, 64])}, w="tiles f32 1 1")


def main():
    CORPUS.mkdir(parents=True, exist_ok=True)
    for name, content in seeds():
        (CORPUS / name).write_bytes(content)


if __name__ == "__main__":
    main()
