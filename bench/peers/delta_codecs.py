"""General codecs from PyPI at the work of deltas, in memory: called by bench/delta.py in an environment of their own.

    delta_codecs.py BASE TUNED THREADS ROUNDS     BASE may be -: none

Prints one line of JSON for each codec: bytes, and for each round the seconds of coding and of restoring. What is coded
is the data of all tensors in one piece (ZipNN knows that they are bfloat16); with a base their exclusive or, but for
ZipNN, which takes the base itself, and for zstd, which has it as what went before.
"""

import json
import sys
import time

import blosc2
import numpy as np
import zstandard
from zipnn import ZipNN


def data_of(path):
    with open(path, "rb") as file:
        file.seek(8 + int.from_bytes(file.read(8), "little"))
        return file.read()


def shuffled(data):
    return np.ascontiguousarray(np.frombuffer(data, np.uint8).reshape(-1, 2).T).tobytes()


def unshuffled(data):
    return np.ascontiguousarray(np.frombuffer(data, np.uint8).reshape(2, -1).T).tobytes()


def exclusive_or(one, other):
    return np.bitwise_xor(np.frombuffer(one, np.uint64), np.frombuffer(other, np.uint64)).tobytes()


def codecs(base, threads):
    """Name, coder and decoder of each, from bytes to bytes."""
    mixed = (lambda data: exclusive_or(data, base)) if base else (lambda data: data)
    parts = {"level": 3, "threads": threads if threads > 1 else 0}
    window = zstandard.ZstdCompressionParameters.from_level(3, window_log=27, enable_ldm=True, threads=parts["threads"])
    before = zstandard.ZstdCompressionDict(base, dict_type=zstandard.DICT_TYPE_RAWCONTENT) if base else None
    yield (
        "zstd --patch-from" if base else "zstd",
        zstandard.ZstdCompressor(dict_data=before, compression_params=window).compress,
        zstandard.ZstdDecompressor(dict_data=before, max_window_size=1 << 27).decompress,
    )
    yield (
        "XOR+shuffle+zstd" if base else "shuffle+zstd",
        lambda data: zstandard.ZstdCompressor(**parts).compress(shuffled(mixed(data))),
        lambda code: mixed(unshuffled(zstandard.ZstdDecompressor().decompress(code))),
    )
    blosc = {"codec": blosc2.Codec.ZSTD, "typesize": 2, "clevel": 5, "filter": blosc2.Filter.SHUFFLE}
    blosc2.set_nthreads(threads)
    yield (
        "XOR+blosc2" if base else "blosc2",
        lambda data: blosc2.compress(mixed(data), **blosc),
        lambda code: mixed(blosc2.decompress(code)),
    )
    kind = {"bytearray_dtype": "bfloat16", "input_format": "byte", "threads": threads}
    zipnn = ZipNN(**kind, delta_compressed_type="byte") if base else ZipNN(**kind)
    # It works on the memory of its arguments, which are therefore copies.
    second = (lambda: {"delta_second_data": bytearray(base)}) if base else dict
    yield (
        "ZipNN",
        lambda data: zipnn.compress(bytearray(data), **second()),
        lambda code: zipnn.decompress(bytearray(code), **second()),
    )


def measure(base, tuned, threads, rounds):
    for name, encode, decode in codecs(base, threads):
        make, apply = [], []
        for _ in range(rounds):
            begin = time.perf_counter()
            code = encode(tuned)
            middle = time.perf_counter()
            restored = decode(code)
            make.append(middle - begin)
            apply.append(time.perf_counter() - middle)
        if bytes(restored) != tuned:
            raise SystemExit(f"error: {name} gave other bytes back")
        yield {"program": name, "bytes": len(tuned), "code_bytes": len(code), "make_s": make, "apply_s": apply}


def main(base, tuned, threads, rounds):
    for row in measure(None if base == "-" else data_of(base), data_of(tuned), int(threads), int(rounds)):
        print(json.dumps(row), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
