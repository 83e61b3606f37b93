"""Reads a .tmill, as docs/formats/tmill.md specifies it, back into plain arrays of float32.

    python3 tmill.py MODEL.tmill            lists the tensors
    python3 tmill.py MODEL.tmill OUT.npz    writes them all

Needs numpy and safetensors.  Every matrix comes out exactly: f16 and bf16 are widened, block formats multiplied out.
"""

import sys

import numpy as np
from safetensors import safe_open

ROWS, GROUP, SUPERBLOCK, VECTOR = 16, 32, 256, 64

# Bits in the low and the high plane, what is subtracted from a code, elements that share a scale, kind of header.
FORMATS = {
    "q4_0": (4, 0, 8, 32, "per_group"),
    "q4_1": (4, 0, 0, 32, "per_group_min"),
    "q5_0": (4, 1, 16, 32, "per_group"),
    "q5_1": (4, 1, 0, 32, "per_group_min"),
    "q8_0": (8, 0, 128, 32, "per_group"),
    "q2_k": (2, 0, 0, 16, "four_bit_min"),
    "q3_k": (2, 1, 4, 16, "six_bit"),
    "q4_k": (4, 0, 0, 32, "six_bit_min"),
    "q5_k": (4, 1, 0, 32, "six_bit_min"),
    "q6_k": (4, 2, 32, 16, "signed_bytes_16"),
    "iq4_nl": (4, 0, 0, 32, "per_group"),
    "iq4_xs": (4, 0, 0, 32, "signed_bytes_8"),
    "mxfp4": (4, 0, 0, 32, "exponents"),
    "q4_g32": (4, 0, 0, 32, "zeros_32"),
    "q4_g128": (4, 0, 0, 32, "zeros_128"),
    "q8_g32": (8, 0, 0, 32, "zeros_32"),
    "q2_g128": (2, 0, 0, 32, "zeros_128"),
    "q3_g128": (2, 1, 0, 32, "zeros_128"),
}
IQ4_VALUES = np.array([-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113], np.int32)
FP4_VALUES = np.array([0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12], np.int32)
TABLES = {"iq4_nl": IQ4_VALUES, "iq4_xs": IQ4_VALUES, "mxfp4": FP4_VALUES}
# Groups of 32 that share a scale and a zero.
ZEROS = {"zeros_32": 1, "zeros_128": 4}
# Where the f16 factors stand in a header that has scales of its own before them.
FACTORS = {"six_bit": 192, "six_bit_min": 192, "four_bit_min": 256, "signed_bytes_16": 256, "signed_bytes_8": 128}


def header_bytes(kind, n_groups):
    if kind == "exponents":
        size = ROWS * n_groups
    elif kind in ZEROS:
        size = 3 * ROWS * (n_groups // ZEROS[kind])
    elif kind in ("per_group", "per_group_min"):
        size = 2 * ROWS * n_groups * (2 if kind == "per_group_min" else 1)
    else:
        size = FACTORS[kind] + 2 * ROWS * (2 if kind.endswith("_min") else 1)
    return -(-size // VECTOR) * VECTOR


def plane_numbers(plane, bits):
    """[n_panels, n_groups, bits * 64] bytes -> [n_panels, 16, n_groups * 32] numbers."""
    n_panels, n_groups, _ = plane.shape
    vectors = plane.reshape(n_panels, n_groups, bits, 1, ROWS, 4)
    shifts = (np.arange(8 // bits, dtype=np.uint8) * np.uint8(bits)).reshape(1, 1, 1, -1, 1, 1)
    units = (vectors >> shifts) & np.uint8((1 << bits) - 1)  # [panel, group, vector, part of the byte, row, element]
    if bits == 4:  # vector v holds the units v and v + 4; else the units of a vector are neighbours
        units = units.swapaxes(2, 3)
    units = units.reshape(n_panels, n_groups, 8, ROWS, 4)
    return units.transpose(0, 3, 1, 2, 4).reshape(n_panels, ROWS, n_groups * GROUP)


def f16(header, offset, count):
    """`count` numbers for each row, [n_panels, 16, count]."""
    part = np.ascontiguousarray(header[:, offset : offset + 2 * ROWS * count])
    return part.view("<f2").reshape(-1, count, ROWS).transpose(0, 2, 1).astype(np.float32)


def bytes_of_rows(header, count, dtype):
    return header[:, : ROWS * count].view(dtype).reshape(-1, count, ROWS).transpose(0, 2, 1)


def six_bit(header):
    """[n_panels, 16, 16]: twelve numbers in the low bits, four more in the high bits of three vectors."""
    parts = bytes_of_rows(header, 12, np.uint8).astype(np.int32)
    top = parts >> 6
    last = top[..., 0:4] | top[..., 4:8] << 2 | top[..., 8:12] << 4
    return np.concatenate([parts & 63, last], axis=-1)


def scales_and_mins(header, kind, n_groups):
    """What a code is multiplied by and what is then subtracted, for each row and each part that shares them."""
    if kind == "per_group":
        return f16(header, 0, n_groups), None
    if kind == "exponents":
        return np.ldexp(np.float32(1), bytes_of_rows(header, n_groups, np.uint8).astype(np.int32) - 128), None
    if kind == "per_group_min":
        both = f16(header, 0, 2 * n_groups)
        return both[..., :n_groups], -both[..., n_groups:]
    d = f16(header, FACTORS[kind], 2 if kind.endswith("_min") else 1)
    if kind == "six_bit":
        return d * (six_bit(header) - 32).astype(np.float32), None
    if kind == "six_bit_min":
        numbers = six_bit(header).astype(np.float32)
        return d[..., :1] * numbers[..., :8], d[..., 1:] * numbers[..., 8:]
    if kind == "four_bit_min":
        numbers = bytes_of_rows(header, 16, np.uint8)
        return d[..., :1] * (numbers & 15).astype(np.float32), d[..., 1:] * (numbers >> 4).astype(np.float32)
    count = 16 if kind == "signed_bytes_16" else 8
    return d * bytes_of_rows(header, count, np.int8).astype(np.float32), None


def scales_and_zeros(header, n_groups, groups_per_scale):
    """Of each group of 32."""
    n = n_groups // groups_per_scale
    zeros = bytes_of_rows(header[:, 2 * ROWS * n :], n, np.uint8).astype(np.float32)
    return (np.repeat(numbers, groups_per_scale, axis=-1) for numbers in (f16(header, 0, n), zeros))


def decode_superblock(dtype, data, n_groups):
    """One superblock of all panels, [n_panels, bytes] -> [n_panels, 16, n_groups * 32]."""
    low_bits, high_bits, offset, length, kind = FORMATS[dtype]
    header, groups = np.split(data, [header_bytes(kind, n_groups)], axis=1)
    groups = groups.reshape(data.shape[0], n_groups, VECTOR * (low_bits + high_bits))
    codes = plane_numbers(groups[..., : VECTOR * low_bits], low_bits).astype(np.int32)
    if high_bits:
        codes |= plane_numbers(groups[..., VECTOR * low_bits :], high_bits).astype(np.int32) << low_bits
    values = (TABLES[dtype][codes] if dtype in TABLES else codes - offset).astype(np.float32)
    if kind in ZEROS:
        scales, zeros = scales_and_zeros(header, n_groups, ZEROS[kind])
        return np.repeat(scales, length, axis=-1) * (values - np.repeat(zeros, length, axis=-1))
    scales, mins = scales_and_mins(header, kind, n_groups)
    n_parts = n_groups * GROUP // length
    result = np.repeat(scales[..., :n_parts], length, axis=-1) * values
    return result if mins is None else result - np.repeat(mins[..., :n_parts], length, axis=-1)


def decode_quantized(dtype, panels, n_cols):
    low_bits, high_bits, _, _, kind = FORMATS[dtype]
    parts, at = [], 0
    for k in range(0, n_cols, SUPERBLOCK):
        n_groups = min(SUPERBLOCK, n_cols - k) // GROUP
        size = header_bytes(kind, n_groups) + n_groups * VECTOR * (low_bits + high_bits)
        parts.append(decode_superblock(dtype, panels[:, at : at + size], n_groups))
        at += size
    return np.concatenate(parts, axis=-1)


def decode_halves(dtype, data, n_cols):
    """The high halves of all panels, then the low ones; together they are panels again."""
    low_bits, _, _, _, kind = FORMATS[dtype]
    plane = VECTOR * low_bits // 2
    sizes = [min(SUPERBLOCK, n_cols - k) // GROUP for k in range(0, n_cols, SUPERBLOCK)]
    high_bytes = sum(header_bytes(kind, n) + n * plane for n in sizes)
    n_panels = data.shape[0]
    data = data.reshape(-1)
    highs, lows = np.split(data, [n_panels * high_bytes])
    highs, lows = highs.reshape(n_panels, -1), lows.reshape(n_panels, -1)
    parts, high_at, low_at = [], 0, 0
    for n_groups in sizes:
        header = header_bytes(kind, n_groups)
        planes = highs[:, high_at + header : high_at + header + n_groups * plane].reshape(n_panels, n_groups, plane)
        low_planes = lows[:, low_at : low_at + n_groups * plane].reshape(n_panels, n_groups, plane)
        codes = plane_numbers(planes, 4).astype(np.int32) << 4 | plane_numbers(low_planes, 4)
        scales, _ = scales_and_mins(highs[:, high_at : high_at + header], kind, n_groups)
        parts.append(np.repeat(scales, GROUP, axis=-1) * (codes - FORMATS[dtype][2]).astype(np.float32))
        high_at += header + n_groups * plane
        low_at += n_groups * plane
    return np.concatenate(parts, axis=-1)


def decode_floats(dtype, panels, n_cols):
    element = np.dtype("<f4") if dtype == "f32" else np.dtype("<u2")
    used = np.ascontiguousarray(panels[:, : n_cols * ROWS * element.itemsize])
    rows = used.view(element).reshape(-1, n_cols, ROWS).transpose(0, 2, 1)
    if dtype == "bf16":
        return (rows.astype(np.uint32) << 16).view(np.float32)
    return rows if dtype == "f32" else np.ascontiguousarray(rows).view("<f2").astype(np.float32)


def decode_matrix(description, panels):
    """`panels` as the file has them, [n_panels, bytes of a panel], and what `__metadata__` says of them."""
    layout, dtype, n_rows, n_cols = description.split(" ")
    if layout not in ("panels", "halved_panels"):
        raise ValueError(f"unknown layout {layout}")
    decode = decode_quantized if dtype in FORMATS else decode_floats
    if layout == "halved_panels":
        decode = decode_halves
    return decode(dtype, panels, int(n_cols)).reshape(-1, int(n_cols))[: int(n_rows)]


class Tmill:
    """An open file: its configuration, the names of its tensors, its tensors."""

    def __init__(self, path):
        self.file = safe_open(path, framework="numpy")
        self.metadata = self.file.metadata() or {}
        if self.metadata.get("format") != "tmill" or self.metadata.get("version") != "1":
            raise ValueError(f"{path}: not a .tmill of version 1")

    def names(self):
        return [name for name in self.file.keys() if not name.startswith(("files/", "padding/", "columns/"))]

    def tensor(self, name):
        data = self.file.get_tensor(name)
        if name not in self.metadata:
            return data
        matrix = decode_matrix(self.metadata[name], data)
        if "columns/" + name not in self.file.keys():
            return matrix
        in_order = np.empty_like(matrix)
        in_order[:, self.file.get_tensor("columns/" + name)] = matrix
        return in_order

    def files(self):
        """The files that came with the model, as bytes."""
        names = [name for name in self.file.keys() if name.startswith("files/")]
        return {name.removeprefix("files/"): self.file.get_tensor(name).tobytes() for name in names}


def main(path, out=None):
    model = Tmill(path)
    if out:
        np.savez(out, **{name: model.tensor(name) for name in model.names()})
        return
    for name in model.names():
        print(f"{name:40} {model.metadata.get(name, 'f32')}")


if __name__ == "__main__":
    main(*sys.argv[1:])
