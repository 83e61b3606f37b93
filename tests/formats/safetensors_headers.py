"""Headers of safetensors files for tests of readers: sound ones, ones that break a rule each, and random changes."""

import json
import re
import struct

import numpy as np

# The format's types and the bits of an element.
TYPES = {
    "BOOL": 8, "F4": 4, "F6_E2M3": 6, "F6_E3M2": 6, "U8": 8, "I8": 8, "F8_E5M2": 8, "F8_E4M3": 8, "F8_E8M0": 8,
    "F8_E4M3FNUZ": 8, "F8_E5M2FNUZ": 8, "I16": 16, "U16": 16, "F16": 16, "BF16": 16, "I32": 32, "U32": 32, "F32": 32,
    "C64": 64, "F64": 64, "I64": 64, "U64": 64,
}  # fmt: skip


def pack(header, data=b""):
    text = header if isinstance(header, bytes) else header.encode()
    return struct.pack("<Q", len(text)) + text + data


def entry(dtype="U8", shape="[2]", offsets="[0,2]"):
    return f'{{"dtype":"{dtype}","shape":{shape},"data_offsets":{offsets}}}'


def one(*args, **fields):
    """A header with one tensor, "a"."""
    return '{"a":%s}' % entry(*args, **fields)


T = entry()


def nested(depth):
    return f'{{"a":{{"dtype":"U8","shape":[2],"data_offsets":[0,2],"x":{"[" * depth}{"]" * depth}}}}}'


# Header -> the data that it needs to be sound, if it can be.
HEADERS = [
    ("", b""), ("{}", b""), ("{} ", b""), ("{}\n\t\r ", b""), ("{}\0", b""), ("{}x", b""), ("{", b""), ("[]", b""),
    ("{}{}", b""), ("null", b""), ('"a"', b""), ("{}", b"a"), ('{"a":null}', b""), ('{"a":1}', b""), ('{"a":{}}', b""),
    (one(), b"ab"), (one(), b"a"), (one(), b"abc"), (f'{{"a":{T},}}', b"ab"),
    (f'{{"":{T}}}', b"ab"), (f'{{"a" : {T} }}', b"ab"), (f"{{'a':{T}}}", b"ab"), (f"{{a:{T}}}", b"ab"),
    (f'{{"a":{T}/**/}}', b"ab"), (f'{{"a":{T},"b":{entry(offsets="[2,4]")}}}', b"abcd"),
    # offsets
    (f'{{"a":{T},"b":{entry(offsets="[1,3]")}}}', b"abc"), (f'{{"a":{T},"b":{entry(offsets="[3,5]")}}}', b"abcde"),
    (f'{{"a":{T},"b":{T}}}', b"ab"), (f'{{"b":{entry(offsets="[2,4]")},"a":{T}}}', b"abcd"),
    (one(offsets="[2,0]"), b"ab"), (one(offsets="[1,3]"), b"abc"),
    (one(offsets="[0,3]"), b"abc"), (one(offsets="[0]"), b"ab"),
    (one(offsets="[]"), b"ab"), (one(offsets="[0,2,2]"), b"ab"),
    (one(offsets="null"), b"ab"), (one(offsets="2"), b"ab"),
    (one(offsets="[-0,2]"), b"ab"), (one(offsets="[0,2.0]"), b"ab"),
    (one(offsets="[0,2e0]"), b"ab"), (one(offsets="[00,2]"), b"ab"),
    (one(offsets="[0,18446744073709551615]"), b"ab"),
    (one(offsets="[0,18446744073709551618]"), b"ab"),
    (one(offsets="[18446744073709551615,1]"), b"ab"),
    (one(offsets=json.dumps({"0": 0})), b"ab"),
    # shapes
    (one(shape="[]", offsets="[0,1]"), b"a"), (one(shape="[]"), b"ab"),
    (one(shape="[0]", offsets="[0,0]"), b""), (one(shape="[1,2,1,1,1,1,1,1,1]"), b"ab"),
    (one(shape="[-2]"), b"ab"), (one(shape="[-0]", offsets="[0,0]"), b""),
    (one(shape="[2.0]"), b"ab"), (one(shape="[2e0]"), b"ab"),
    (one(shape="[02]"), b"ab"), (one(shape="[+2]"), b"ab"),
    (one(shape="[2,]"), b"ab"), (one(shape="2"), b"ab"),
    (one(shape="null"), b"ab"), (one(shape="[null]"), b"ab"),
    (one(shape="[true,2]"), b"ab"), (one(shape="[[2]]"), b"ab"),
    (one(shape="{}"), b"ab"), (one(shape="[0,18446744073709551615]", offsets="[0,0]"), b""),
    (one(shape="[18446744073709551615,18446744073709551615,0]", offsets="[0,0]"), b""),
    (one(shape="[0,18446744073709551615,18446744073709551615]", offsets="[0,0]"), b""),
    (one(shape="[0,18446744073709551616]", offsets="[0,0]"), b""),
    (one(shape="[2305843009213693952]", offsets="[0,0]"), b""),
    (one(shape="[4294967296,4294967296]", offsets="[0,0]"), b""),
    (one(shape="[2305843009213693951]", offsets="[0,2305843009213693951]"), b""),
    # dtypes
    *((one(kind, "[4]", f"[0,{bits // 2}]"), bytes(bits // 2)) for kind, bits in TYPES.items()),
    *((one(kind, "[3]", f"[0,{bits * 3 // 8}]"), bytes(bits * 3 // 8)) for kind, bits in TYPES.items()),
    *((one(kind), b"ab") for kind in ["u8", "Bool", "F8", "U128", "", "C128", "F8_E4M3FN", "F6"]),
    ('{"a":%s}' % T.replace('"U8"', "4"), b"ab"),
    (f'{{"a":{T.replace("dtype", "Dtype")}}}', b"ab"),
    # fields
    ('{"a":{"shape":[2],"data_offsets":[0,2]}}', b"ab"), ('{"a":{"dtype":"U8","data_offsets":[0,2]}}', b"ab"),
    ('{"a":{"dtype":"U8","shape":[2]}}', b"ab"),
    ('{"a":{"dtype":"U8","dtype":"U8","shape":[2],"data_offsets":[0,2]}}', b"ab"),
    ('{"a":{"dtype":"U8","shape":[2],"shape":[2],"data_offsets":[0,2]}}', b"ab"),
    ('{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2],"data_offsets":[0,2]}}', b"ab"),
    *((f'{{"a":{{"x":{value},{T[1:]}}}', b"ab") for value in [
        "1", "1.5", "-1e-9", "1e999", "-1e400", "1e-999", "null", "true", '"\\ud83d\\ude00"', '"\\ud800"', '"\\udc00"',
        "NaN", "Infinity", '{"dtype":"U8","dtype":1}', "[[1,{}],[]]", "-", "1.", ".5", "01", "-0", "1e", "1e+",
        "tru", '"\\x"', '"\\u12"', "99999999999999999999999", '"\x7f"', '"\x01"', "[1 2]", '{"a" 1}', '{"a":1,}', "[,]",
    ]),
    (f'{{"a":{{"x":1,"x":2,{T[1:]}}}', b"ab"),
    *((nested(depth), b"ab") for depth in [1, 64, 124, 125, 126, 127, 128, 500]),
    # metadata
    ('{"__metadata__":null}', b""), ('{"__metadata__":{}}', b""), ('{"__metadata__":{"a":"b"}}', b""),
    *((f'{{"__metadata__":{{"a":{value}}}}}', b"") for value in
      ["1", "null", "true", "[]", "{}", '"\\u0000"', '"\\/"']),
    *((f'{{"__metadata__":{value}}}', b"") for value in ["[]", "1", '"a"', "true", '["a","b"]']),
    (f'{{"__metadata__":{T}}}', b"ab"), ('{"__metadata__":{},"__metadata__":{}}', b""),
    ('{"__metadata__":null,"__metadata__":null}', b""), ('{"__metadata__":{},"\\u005f_metadata__":{}}', b""),
    (f'{{"__METADATA__":{T}}}', b"ab"), (f'{{"a":{T},"__metadata__":{{"a":"b"}}}}', b"ab"),
    # text
    (f'{{"\\u0061":{T}}}', b"ab"), (f'{{"a\\ud83d\\ude00":{T}}}', b"ab"), (f'{{"a\\ud800":{T}}}', b"ab"),
    (f'{{"a\\ud800x":{T}}}', b"ab"), (f'{{"a\\udc00":{T}}}', b"ab"), (f'{{"a\\ud800\\ud800":{T}}}', b"ab"),
    (f'{{"a\n":{T}}}', b"ab"), (f'{{"a\x7f":{T}}}', b"ab"), (f'{{"a\\u0000":{T}}}', b"ab"),
    (f'{{"ü▁🌊":{T}}}', b"ab"),
    *((b'{"a' + bad + b'":' + T.encode() + b"}", b"ab") for bad in [
        b"\xff", b"\xc3", b"\xc0\x80", b"\xe0\x80\x80", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xf0\x9f\x8c\x8a",
        b"\xef\xbf\xbf", b"\xf5\x80\x80\x80", b"\x80",
    ]),
]  # fmt: skip

# What the library reads and the format's own description forbids: ours refuses it.
STRICTER = {
    "a space first": (f' {{"a":{T}}}', b"ab", "does not begin with '{'"),
    "a name twice": (f'{{"a":{T},"a":{T}}}', b"ab", "occurs twice"),
    "a name twice, the first unsound": (f'{{"a":{entry(offsets="[7,9]")},"a":{T}}}', b"ab", "occurs twice"),
    "an empty name twice": ('{"a":%s,"a":%s}' % ((entry(shape="[0]", offsets="[0,0]"),) * 2), b"", "occurs twice"),
    "a metadata key twice": ('{"__metadata__":{"a":"1","a":"2"}}', b"", "occurs twice"),
    "an entry as a list": ('{"a":["U8",[2],[0,2]]}', b"ab", "is a list, expected an object"),
    "a dtype as an object": ('{"a":%s}' % T.replace('"U8"', '{"U8":null}'), b"ab", "is an object, expected a string"),
}


# Pieces that a header is made of, right and wrong.
NUMBERS = "0 1 2 3 4 8 -1 -0 1.0 1e1 01 18446744073709551615 18446744073709551616 x".split()
PIECES = [
    *"{}[],:\"\\ \0", "null", "true", '"a"', '"b"', '"dtype"', '"shape"', '"data_offsets"', '"__metadata__"',
    *(f'"{kind}"' for kind in ["U8", "F4", "F6_E2M3", "BF16", "F64", "C64", "Q4"]),
    *NUMBERS, "\\u0061", "\xff", "[[", "]]",
]  # fmt: skip


def random_header(source):
    """A header of a few tensors, mostly sound."""
    offset, items = 0, []
    if source.random() < 0.3:
        items.append('"__metadata__":{"k":"v"}')
    for name in source.sample(["a", "b", "c", "\\n", "é", ""], source.randrange(1, 4)):
        kind = source.choice([*TYPES])
        shape = [source.choice([0, 1, 2, 4, 4]) for _ in range(source.randrange(4))]
        size = int(np.prod(shape, dtype=int)) * TYPES[kind] // 8
        fields = [f'"dtype":"{kind}"', f'"shape":{shape}', f'"data_offsets":[{offset},{offset + size}]']
        if source.random() < 0.2:
            fields.append('"other":{"dtype":[1,"U8",null]}')
        source.shuffle(fields)
        offset += size
        items.append(f'"{name}":{{{",".join(fields)}}}')
    source.shuffle(items)
    return "{" + ",".join(items) + "}", offset


def mutate(source, header):
    """One change: a number, a piece put in, a part cut out or written twice."""
    at, length = source.randrange(len(header)), source.randrange(1, 12)
    numbers = [m.span() for m in re.finditer(r"\d+", header)]
    kind = source.randrange(5)
    if kind == 0 and numbers:
        begin, end = source.choice(numbers)
        return header[:begin] + source.choice(NUMBERS) + header[end:]
    if kind == 1:
        return header[:at] + source.choice(PIECES) + header[at:]
    if kind == 2:
        return header[:at] + header[at + length :]
    if kind == 3:
        return header[: at + length] + header[at:]
    other = source.randrange(len(header))
    return header[:at] + header[other : other + length] + header[at + length :]
