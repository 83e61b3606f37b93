"""Restores blocks of deltas, as docs/formats/delta_blocks.md describes them: the proof that the page says enough.

    from delta_block_decoder import decode_block
    tuned = decode_block("BF16", row_length, first, base, code, n_bytes)
"""

import numpy as np

# Bytes of an element, place and mask of its exponent; types that are not here are bytes without exponents.
FORMS = {
    "F64": (8, 52, 0x7FF), "F32": (4, 23, 0xFF), "C64": (4, 23, 0xFF), "BF16": (2, 7, 0xFF), "F16": (2, 10, 0x1F),
    "F8_E4M3": (1, 3, 0xF), "F8_E4M3FNUZ": (1, 3, 0xF), "F8_E5M2": (1, 2, 0x1F), "F8_E5M2FNUZ": (1, 2, 0x1F),
    "I64": (8, 0, 0), "U64": (8, 0, 0), "I32": (4, 0, 0), "U32": (4, 0, 0), "I16": (2, 0, 0), "U16": (2, 0, 0),
}  # fmt: skip
WITHOUT_ROWS = {"F4", "I4"}  # two elements a byte
UNSIGNED = {1: np.uint8, 2: np.uint16, 4: np.uint32, 8: np.uint64}


class Damaged(ValueError):
    """The code is none that an encoder writes."""


def check(holds):
    if not holds:
        raise Damaged("the code of a block is damaged")


class Bit:
    """A yes-or-no question that learns."""

    def __init__(self):
        self.one, self.n_seen = 32768, 0


class Bits:
    """The arithmetic decoder of a code's numbers."""

    def __init__(self, data):
        self.data, self.at, self.low, self.high, self.code = data, 0, 0, 0xFFFFFFFF, 0
        for _ in range(4):
            self.read_byte()

    def read_byte(self):
        self.code = (self.code << 8 | (self.data[self.at] if self.at < len(self.data) else 0)) & 0xFFFFFFFF
        self.at += 1

    def bit(self, model):
        middle = self.low + ((self.high - self.low) * model.one >> 16)
        value = self.code <= middle
        divisor = 2 * model.n_seen + 3
        if value:
            self.high = middle
            model.one += (65408 - model.one) * 2 // divisor
        else:
            self.low = middle + 1
            model.one -= (model.one - 128) * 2 // divisor
        model.n_seen = min(model.n_seen + 1, 30)
        while (self.low ^ self.high) >> 24 == 0:
            self.low, self.high = self.low << 8 & 0xFFFFFFFF, (self.high << 8 | 0xFF) & 0xFFFFFFFF
            self.read_byte()
        return int(value)


class Number:
    """Models of a number."""

    def __init__(self):
        self.length = [Bit() for _ in range(30)]
        self.bits = {}

    def read(self, bits):
        n = 0
        while n < 30 and bits.bit(self.length[n]):
            n += 1
        value = 1
        for place in reversed(range(n)):
            value = value << 1 | bits.bit(self.bits.setdefault((n, place), Bit()))
        return value - 1

    def read_signed(self, bits):
        value = self.read(bits)
        return value >> 1 ^ -(value & 1)


def frequencies(weights):
    total = sum(weights)
    check(total > 0)
    result = [max(1, weight * 4096 // total) if weight else 0 for weight in weights]
    result[result.index(max(result))] += 4096 - sum(result)
    check(max(result) > 0 and min(result) >= 0)
    return result


class Levels:
    """Tables one after the other."""

    def __init__(self):
        self.models, self.last = [Number() for _ in range(4)], None

    def read(self, bits, n_symbols):
        levels = []
        for symbol in range(n_symbols):
            expected = self.last[symbol] if self.last else levels[symbol - 1] if symbol else 61
            model = self.models[(2 if not self.last else 0) + (1 if expected else 0)]
            levels.append(expected + model.read_signed(bits))
            check(0 <= levels[-1] <= 61)
        self.last = levels
        quarters = (65536, 77936, 92682, 110218)
        return frequencies([quarters[(level - 1) % 4] << (level - 1) // 4 if level else 0 for level in levels])


def slots(table):
    """For each of the 4096 low ends of a state: symbol, frequency, offset."""
    return [(symbol, count, offset) for symbol, count in enumerate(table) for offset in range(count)]


class Rans:
    def __init__(self, data, n_states):
        check(len(data) >= 4 * n_states and len(data) % 2 == 0)
        self.states = [int.from_bytes(data[4 * i : 4 * i + 4], "little") for i in range(n_states)]
        check(all(1 << 15 <= state < 1 << 31 for state in self.states))
        self.words = np.frombuffer(data[4 * n_states :], "<u2").tolist()
        self.words.reverse()

    def keep(self, index, state):
        if state < 1 << 15:
            check(self.words)
            state = state << 16 | self.words.pop()
        self.states[index] = state

    def symbol(self, index, table):
        state = self.states[index]
        symbol, frequency, offset = table[state & 4095]
        self.keep(index, frequency * (state >> 12) + offset)
        return symbol

    def bits(self, index, n_bits):
        value = 0
        for place in range(0, n_bits, 15):
            n = min(15, n_bits - place)
            state = self.states[index]
            value |= (state & (1 << n) - 1) << place
            self.keep(index, state >> n)
        return value

    def finish(self):
        check(not self.words and all(state == 1 << 15 for state in self.states))


def bits_after(symbol):
    return 0 if symbol < 16 else (symbol - 16) // 2 + 3


def least(symbol):
    return symbol if symbol < 16 else (2 + (symbol & 1)) << bits_after(symbol)


def take_part(data, at):
    """The part behind a length, and where it ends."""
    length, shift = 0, 0
    while True:
        check(at < len(data) and shift < 28)
        byte = data[at]
        length |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            break
    check(at + length <= len(data))
    return data[at : at + length], at + length


def rows_of(dtype, row_length, first, n_elements):
    """Number of the row of each element."""
    if dtype == "C64":
        row_length, first = 2 * row_length, 2 * first
    if dtype in WITHOUT_ROWS or row_length < 64 or row_length >= n_elements:
        return np.zeros(n_elements, np.int64)
    return (np.arange(n_elements) + first % row_length) // row_length


def read_contexts(bits, form, rows):
    """How far exponents are counted from, and the tables by class of row and distance, with the class of each row."""
    has_exponent = form[2] != 0
    top = sum(bits.bit(Bit()) << place for place in range(11)) if has_exponent else 0
    n_classes = Number().read(bits) + 1
    check(n_classes <= 4)
    classes = [0] * (int(rows[-1]) + 1)
    if n_classes > 1:
        models, last = [Number() for _ in range(4)], 0
        for row in range(len(classes)):
            last = classes[row] = models[last].read(bits)
            check(last < n_classes)
    begins, tables, n_tables = Bit(), [], 0
    for _ in range(n_classes):
        row = []
        for distance in range(16):
            n_tables += 1 if distance == 0 or (has_exponent and bits.bit(begins)) else 0
            row.append(n_tables - 1)
        tables.append(row)
    return top, np.array(classes), np.array(tables), n_tables


def tables_of_elements(base, form, rows, top, classes, tables):
    exponents = (base >> base.dtype.type(form[1])).astype(np.int64) & form[2]
    distances = np.clip(top - exponents, 0, 15) if form[2] else np.zeros(len(base), np.int64)
    return tables[classes[rows], distances]


def add(base, folded):
    """Base elements and folded differences, with the carries out of an element lost."""
    folded = np.array(folded, np.uint64)
    difference = folded >> np.uint64(1) ^ (np.uint64(0) - (folded & np.uint64(1)))
    return (base.astype(np.uint64) + difference).astype(base.dtype)


def decode_sparse(base, form, rows, code):
    part, at = take_part(code, 0)
    bits = Bits(part)
    top, classes, tables, n_tables = read_contexts(bits, form, rows)
    n_symbols, rates, levels, rate, used = Number().read(bits), Number(), Levels(), 0, {}
    check(2 <= n_symbols <= 16 + 2 * (8 * form[0] - 4))
    for table in range(n_tables):
        rate += rates.read_signed(bits)
        check(0 <= rate <= 80)
        if rate:
            used[table] = (max(0, rate // 4 - 2), slots(gap_frequencies(rate)), slots(levels.read(bits, n_symbols - 1)))
    of_element = tables_of_elements(base, form, rows, top, classes, tables)
    rans = Rans(code[at:], 2)

    def gap(table):
        n_low, table, high, symbol = used[table][0], used[table][1], 0, 31
        while symbol == 31:
            check(high <= len(base))
            symbol = rans.symbol(1, table)
            high += symbol
        return (high << n_low) + rans.bits(1, n_low)

    left = {table: gap(table) for table in used}
    indices, differences = [], []
    for begin in range(0, len(base), 64):
        group = of_element[begin : begin + 64]
        for table, (_, _, values) in used.items():
            members = begin + np.flatnonzero(group == table)
            while left[table] < len(members):
                indices.append(members[left[table]])
                members = members[left[table] + 1 :]
                symbol = rans.symbol(0, values) + 1
                differences.append(least(symbol) + rans.bits(0, bits_after(symbol)))
                left[table] = gap(table)
            left[table] -= len(members)
    rans.finish()
    tuned = base.copy()
    tuned[indices] = add(base[indices], differences)
    return tuned


def gap_frequencies(rate):
    one = 1 << 32
    stays = one - ((one, 3611622603, 3037000500, 2553802834)[rate % 4] >> rate // 4)
    for _ in range(max(0, rate // 4 - 2)):
        stays = stays * stays >> 32
    weights, reaches = [], one
    for _ in range(31):
        weights.append(max(1, reaches * (one - stays) >> 32))
        reaches = reaches * stays >> 32
    return frequencies([*weights, max(1, reaches)])


def read_symbols(data, of_element, tables):
    rans, tables = Rans(data, 8), [slots(table) for table in tables]
    symbols = [rans.symbol(index % 8, tables[table]) for index, table in enumerate(of_element)]
    rans.finish()
    return symbols


def decode_dense(base, form, rows, code):
    part, at = take_part(code, 0)
    bits = Bits(part)
    top, classes, tables, n_tables = read_contexts(bits, form, rows)
    n_symbols, levels = Number().read(bits), Levels()
    check(1 <= n_symbols <= 16 + 2 * (8 * form[0] - 4))
    frequencies_of = [levels.read(bits, n_symbols) for _ in range(n_tables)]
    part, at = take_part(code, at)
    of_element = tables_of_elements(base, form, rows, top, classes, tables)
    symbols = read_symbols(part, of_element.tolist(), frequencies_of)
    plain, place, differences = int.from_bytes(code[at:], "little"), 0, []
    for symbol in symbols:
        n = bits_after(symbol)
        differences.append(least(symbol) + ((plain >> place & (1 << n) - 1) if n else 0))
        place += n
    check((place + 7) // 8 == len(code) - at)
    return add(base, differences)


def decode_planes(form, n_elements, code):
    part, at = take_part(code, 0)
    bits, numbers, planes = Bits(part), Number(), []
    for _ in range(form[0]):
        method = numbers.read(bits)
        check(method <= 2)
        if method == 0:
            plane, at = code[at : at + n_elements], at + n_elements
        elif method == 1:
            plane, at = code[at : at + 1] * n_elements, at + 1
        else:
            n_symbols = numbers.read(bits)
            check(n_symbols <= 256)
            table = Levels().read(bits, n_symbols)
            part, at = take_part(code, at)
            plane = bytes(read_symbols(part, [0] * n_elements, [table]))
        check(len(plane) == n_elements)
        planes.append(np.frombuffer(plane, np.uint8))
    check(at == len(code))
    unsigned = UNSIGNED[form[0]]
    elements = np.ascontiguousarray(np.stack(planes, axis=1)).view(unsigned).ravel()
    if form[2] and form[0] > 1:
        elements = elements >> unsigned(1) | elements << unsigned(8 * form[0] - 1)
    return elements


def decode_block(dtype, row_length, first, base, code, n_bytes):
    """The block of `n_bytes` bytes; `dtype` as safetensors spells it, `base` bytes or None."""
    check(bool(code) == bool(n_bytes))
    if n_bytes == 0:
        return b""
    method, code = code[0], bytes(code[1:])
    check(method <= 4 and (base or method in (0, 4)))
    if method <= 1:
        check(len(code) == (n_bytes if method == 0 else 0))
        return code if method == 0 else bytes(base)
    form = FORMS.get(dtype, (1, 0, 0))
    if n_bytes % form[0]:
        form = (1, 0, 0)
    n_elements = n_bytes // form[0]
    if method == 4:
        return decode_planes(form, n_elements, code).tobytes()
    elements = np.frombuffer(base, UNSIGNED[form[0]])
    rows = rows_of(dtype, row_length, first, n_elements)
    return (decode_sparse if method == 2 else decode_dense)(elements, form, rows, code).tobytes()
