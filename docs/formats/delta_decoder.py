"""Restores what a .tmdelta holds, by docs/formats/delta.md alone: python3 delta_decoder.py BASE DELTA OUT.

Needs numpy, ml_dtypes, xxhash and zstandard. Written to be read: it is slow and takes the memory of a whole file.
"""

import json
import pathlib
import struct
import sys

import ml_dtypes
import numpy as np
import xxhash
import zstandard
from delta_block_decoder import decode_block

WINDOW = 4 << 20
BLOCK = 256 << 10
# Element type -> bytes and elements of what a block is cut between.
UNITS = {
    "f4": (1, 2), "i4": (1, 2), "q4_0": (18, 32), "iq4_nl": (18, 32), "q4_1": (20, 32), "q5_0": (22, 32), "q5_1": (24, 32),
    "q8_0": (34, 32), "mxfp4": (17, 32), "q2_k": (84, 256), "q3_k": (110, 256), "q4_k": (144, 256), "q5_k": (176, 256),
    "q6_k": (210, 256), "iq4_xs": (136, 256),
} | {name: (n_bytes, 1) for n_bytes, names in {
    1: "bool u8 i8 f8_e5m2 f8_e4m3 f8_e8m0 f8_e4m3fnuz f8_e5m2fnuz", 2: "i16 u16 f16 bf16", 4: "i32 u32 f32",
    8: "c64 f64 i64 u64",
}.items() for name in names.split()}  # fmt: skip


def file_hash(content):
    windows = [content[begin : begin + WINDOW] for begin in range(0, len(content), WINDOW)]
    return xxhash.xxh3_128_hexdigest(b"".join(xxhash.xxh3_128_digest(window) for window in windows))


def open_container(path):
    """The plan's lines and all codes, in order."""
    content = pathlib.Path(path).read_bytes()
    (n_header,) = struct.unpack_from("<Q", content)
    header = json.loads(content[8 : 8 + n_header])
    metadata = header.pop("__metadata__")
    if (metadata["format"], metadata["version"]) != ("tmdelta", "1"):
        raise ValueError(f"{path}: not a .tmdelta of version 1")
    tensors = {}
    for name, entry in header.items():
        begin, end = entry["data_offsets"]
        tensors[name] = content[8 + n_header + begin : 8 + n_header + end]
    plan = zstandard.ZstdDecompressor().decompressobj().decompress(tensors["plan"])
    codes, begin = [], 0
    for (n_bytes,) in struct.iter_unpack("<I", tensors["lengths"]):
        codes.append(tensors["codes"][begin : begin + n_bytes])
        begin += n_bytes
    return [json.loads(line) for line in plan.splitlines()], codes


def row_length(part):
    shape, dtype = part.get("shape", []), part.get("dtype", "u8")
    if not shape or dtype not in UNITS or shape[-1] > 2**40 or shape[-1] % UNITS[dtype][1]:
        return 0
    return shape[-1]


def block_begins(part):
    """Where the blocks of a part begin, and its end."""
    n = part["bytes"]
    unit, n_elements = UNITS.get(part.get("dtype", "u8"), (1, 1))
    row = row_length(part) // n_elements * unit
    granule = row if 0 < row <= 65536 and n % row == 0 else unit
    n_granules = n // granule
    n_blocks = max(1, min((n + BLOCK // 2) // BLOCK, n_granules)) if n else 0
    begins = [granule * (i * (n_granules // n_blocks) + min(i, n_granules % n_blocks)) for i in range(n_blocks)]
    return [*begins, n]


FLOATS = {"f32": np.float32, "f16": np.float16, "bf16": ml_dtypes.bfloat16}


def restore_scaled(part, base, code):
    """A block with whole numbers times the scale of their group."""
    values = np.frombuffer(base, FLOATS[part["dtype"]]).astype(np.float32)
    n, bits, group = len(values), part["bits"], part["group"]
    n_groups = -(-n // group)
    scales = np.frombuffer(code[1 : 1 + 4 * n_groups], "<f4")
    packed = np.frombuffer(code[1 + 4 * n_groups :], np.uint8)
    if bits == 8:
        numbers = packed.view(np.int8)
    elif bits == 4:
        numbers = np.stack([packed & 15, packed >> 4], 1).reshape(-1)[:n].astype(np.int8) - 8
    else:
        numbers = np.unpackbits(packed, bitorder="little")[:n].astype(np.int8) * 2 - 1
    changes = np.repeat(scales, group)[:n] * numbers.astype(np.float32)
    return (values + changes).astype(FLOATS[part["dtype"]]).tobytes()


def restore_low_rank(part, base, code):
    values = np.frombuffer(base, FLOATS[part["dtype"]]).astype(np.float32).reshape(-1, part["shape"][-1])
    factors = np.frombuffer(code, ml_dtypes.bfloat16).astype(np.float32)
    a = factors[: len(values) * part["rank"]].reshape(len(values), part["rank"])
    b = factors[a.size :].reshape(part["rank"], -1)
    change = np.zeros_like(values)
    for k in range(part["rank"]):
        change += a[:, k : k + 1] * b[k]
    return (values + change).astype(FLOATS[part["dtype"]]).tobytes()


def restore_blocks(part, base, codes):
    dtype = part.get("dtype", "u8")
    unit, n_elements = UNITS.get(dtype, (1, 1))
    begins = block_begins(part)
    restored = []
    for begin, end in zip(begins, begins[1:], strict=False):
        code, block_base = next(codes), base[begin:end]
        first = begin // unit * n_elements
        coded = dtype if dtype in UNITS else "u8"
        if part.get("code") == "scaled" and code:
            if code[0] == 1:
                restored.append(restore_scaled(part, block_base, code))
                continue
            code = code[1:]
        restored.append(decode_block(coded.upper(), row_length(part), first, block_base, code, end - begin) if code else block_base)
    return b"".join(restored)


def numbers(text):
    """LEB128."""
    number = shift = 0
    for byte in text:
        number |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            yield number
            number = shift = 0


def unpack(frame, n_bytes, dictionary=b""):
    prefix = zstandard.ZstdCompressionDict(dictionary, dict_type=zstandard.DICT_TYPE_RAWCONTENT) if dictionary else None
    return zstandard.ZstdDecompressor(dict_data=prefix).decompress(frame, max_output_size=n_bytes)


def restore_moved(base, code):
    n_text, n_packed = struct.unpack_from("<II", code)
    text = numbers(unpack(code[8 : 8 + n_packed], n_text))
    runs, dictionary, end, left = [], [], 0, 4 << 20
    for n_new in text:
        n_copied = next(text)
        n = min(n_new + 256, len(base) - end, left) if n_new else 0
        dictionary.append(base[end : end + n])
        left -= n
        begin = end
        if n_copied:
            moved = next(text)
            begin = end + (moved >> 1 ^ -(moved & 1))
            end = begin + n_copied
        runs.append((n_new, begin, n_copied))
    n_fresh = sum(n_new for n_new, _, _ in runs)
    fresh = unpack(code[8 + n_packed :], n_fresh, b"".join(dictionary)) if n_fresh else b""
    restored, at = [], 0
    for n_new, begin, n_copied in runs:
        restored += [fresh[at : at + n_new], base[begin : begin + n_copied]]
        at += n_new
    return b"".join(restored)


def restore_part(part, base_files, codes):
    n, kind = part["bytes"], part.get("code", "blocks")
    base = b""
    if "base" in part:
        file, offset, *length = part["base"]
        base = base_files[file][offset : offset + (length[0] if length else n)]
    if kind == "copy":
        return base
    if kind == "zeros":
        return bytes(n)
    if kind == "packed":
        return unpack(next(codes), n, base)
    if kind == "moved":
        return restore_moved(base, next(codes))
    if kind == "low_rank":
        return restore_low_rank(part, base, next(codes))
    if kind in ("blocks", "scaled"):
        return restore_blocks(part, base, codes)
    raise ValueError(f"a part is coded as {kind!r}")


def restored_files(base, delta):
    """Name and content of every file of the result."""
    (opening, *lines), codes = open_container(delta)
    base = pathlib.Path(base)
    base_files = []
    for entry in opening["base_files"]:
        content = (base / entry["name"] if opening["base"] == "folder" else base).read_bytes()
        if file_hash(content) != entry["hash"]:
            raise ValueError(f"{base}: not the base of {delta}")
        base_files.append(content)
    files, codes = [], iter(codes)
    for line in lines:
        if "file" in line:
            files.append((line, []))
        else:
            files[-1][1].append(restore_part(line, base_files, codes))
    for line, parts in files:
        content = b"".join(parts)
        if len(content) != line["bytes"] or file_hash(content) != line["hash"]:
            raise ValueError(f"{delta}: {line['file']} is not restored as it was")
        yield line["file"], content


if __name__ == "__main__":
    base, delta, out = sys.argv[1:]
    is_folder = open_container(delta)[0][0]["result"] == "folder"
    for name, content in restored_files(base, delta):
        path = pathlib.Path(out) / name if is_folder else pathlib.Path(out)  # names are to be checked before they are used
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
