"""SentencePiece .model files with any content: the few parts of Protocol Buffers that they are made of."""

import struct

NORMAL, UNKNOWN, CONTROL, USER_DEFINED, UNUSED, BYTE = range(1, 7)
UNIGRAM, BPE, WORD, CHAR = range(1, 5)


def varint(number):
    out = b""
    while number >= 0x80:
        out += bytes([number & 0x7F | 0x80])
        number >>= 7
    return out + bytes([number])


def number(field, value):
    return varint(field << 3) + varint(int(value))


def chunk(field, value):
    value = value.encode() if isinstance(value, str) else value
    return varint(field << 3 | 2) + varint(len(value)) + value


def piece(text, score=0.0, type_=NORMAL):
    return chunk(1, chunk(1, text) + varint(2 << 3 | 5) + struct.pack("<f", score) + number(3, type_))


def normalizer_spec(charsmap=b"", dummy_prefix=True, remove_extra=True, escape=True):
    return chunk(2, charsmap) + number(3, dummy_prefix) + number(4, remove_extra) + number(5, escape)


def model_file(pieces, kind, byte_fallback=False, suffix=False, unk_surface=None, denormalizer=None, **normalizer):
    """`pieces`: (text, score, type); the other arguments as sentencepiece_model.proto has them."""
    trainer = number(3, kind) + number(24, suffix) + number(35, byte_fallback)
    if unk_surface is not None:
        trainer += chunk(44, unk_surface)
    out = b"".join(piece(*p) for p in pieces) + chunk(2, trainer) + chunk(3, normalizer_spec(**normalizer))
    if denormalizer is not None:
        out += chunk(5, normalizer_spec(**denormalizer))
    return out


def byte_pieces():
    return [(f"<0x{byte:02X}>", 0.0, BYTE) for byte in range(256)]
