"""Texts that break tokenizers: made from a seed, so that a failure comes back."""

import random
import unicodedata

SCALARS = [(0, 0xD7FF), (0xE000, 0x10FFFF)]
BLOCKS = {
    "latin": (0x20, 0x17F),
    "greek": (0x370, 0x3FF),
    "cyrillic": (0x400, 0x4FF),
    "hebrew": (0x590, 0x5FF),
    "arabic": (0x600, 0x6FF),
    "devanagari": (0x900, 0x97F),
    "thai": (0xE00, 0xE7F),
    "hangul": (0xAC00, 0xD7A3),
    "kana": (0x3040, 0x30FF),
    "cjk": (0x4E00, 0x9FFF),
    "cjk_rare": (0x20000, 0x2A6DF),
    "emoji": (0x1F300, 0x1FAFF),
    "controls": (0x00, 0x1F),
    "spaces": (0x2000, 0x206F),
    "tags": (0xE0000, 0xE007F),
}
WORDS = """the of and tide mill water 3.14159 O'Neill it's https://example.org/a?b=c#d x86_64 naïve Straße
    Съешь ещё 这是一个测试 東京 مرحبا שלום नमस्ते ภาษาไทย 한국어 def __init__(self): for(;;){} <div class="a"> </div>
    \\n \\t $x^2$ 🇩🇪 👨‍👩‍👧‍👦 👍🏽 ½ ﬁ ſ İ ı ẞ Ǆ e\u0301 \u200b \ufeff \u2581 ▁▁the _ __ -- --- !!! ??? ... “quoted” «x»""".split()
MARKS = [chr(c) for c in range(0x300, 0x36F)]


def _points(rng, low, high, n):
    return "".join(chr(rng.randint(low, high)) for _ in range(n))


def _scalars(rng, n):
    return "".join(chr(rng.randint(*SCALARS[rng.random() < 0.6])) for _ in range(n))


def _block(rng, n):
    return _points(rng, *BLOCKS[rng.choice(sorted(BLOCKS))], n)


def _words(rng, n):
    return "".join(rng.choice(WORDS) + rng.choice([" ", " ", " ", "", "  ", "\n", "\t"]) for _ in range(n // 3 + 1))


def _zalgo(rng, n):
    return "".join(rng.choice("abcxyz ") + "".join(rng.choices(MARKS, k=rng.randint(0, 6))) for _ in range(n // 3 + 1))


def _run(rng, n):
    return rng.choice(["a", " ", "\n", "\t", "\u2581", "=", "-", ".", "é", "ä", "😀", "\u200d", "\0", "哈", "0", "ab", " a"]) * n


def _spaces(rng, n):
    return "".join(rng.choice([" ", "  ", "\n", "\t", "a", "\r\n", "\u00a0", "\u3000", " " * 40]) for _ in range(n))


def _mix(rng, n):
    return "".join(_KINDS[rng.choice(sorted(_KINDS))](rng, n // 4 + 1) for _ in range(4))


_KINDS = {
    "scalars": _scalars,
    "block": _block,
    "words": _words,
    "zalgo": _zalgo,
    "run": _run,
    "spaces": _spaces,
    "ascii": lambda rng, n: _points(rng, 0x00, 0x7F, n),
}


def nasty_texts(n_texts, seed, snippets=()):
    """`n_texts` texts of 0 to some hundred characters; `snippets`, such as names of tokens, are strewn in."""
    rng = random.Random(seed)
    texts = ["", " ", "  ", "\u2581", "\0", "\n"]
    while len(texts) < n_texts:
        kind = rng.choice([*_KINDS.values(), _mix, _words])
        text = kind(rng, rng.choice([1, 2, 5, 20, 100]))
        if snippets and rng.random() < 0.4:
            for _ in range(rng.randint(1, 6)):
                at = rng.randint(0, len(text))
                text = text[:at] + rng.choice(snippets) + text[at:]
        if rng.random() < 0.1:
            text = unicodedata.normalize(rng.choice(["NFC", "NFD", "NFKC", "NFKD"]), text)
        texts.append(text)
    return texts
