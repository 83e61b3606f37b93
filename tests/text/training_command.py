"""`tidemill tokenize train` on texts in memory, and texts to train on."""

import json
import random

PROSE = (
    "The tide mill stood at the edge of the village, where the river met the sea.\n"
    "It's 1997, and they'll say: \"we've 12 mills\"!  Über Straße, naïve café; 日本語のテキスト 漢字かな.\n"
    "\tif (x == 0) { return  y; }\r\n\r\nпривет, мир 🙂👍🏽 e\u0301\u0323 \u00a0\u2003end\n"
)
TEXTS = {
    "empty": b"",
    "one_letter": b"a",
    "one_word": b"tidemill",
    "no_last_newline": b"a b\nc d",
    "only_newlines": b"\n\n\n",
    "ties_everywhere": b"ab cd ef gh ab cd ef gh ba dc fe hg\n",
    "one_long_run": b"a" * 1000,
    "runs": b" ".join(b"a" * n for n in range(1, 40)),
    "same_name_by_two_ways": b"abc ab bc abcd bcd abc aabc abbc bcab cabc " * 3,
    "prose": PROSE.encode() * 3,
    "crlf": b"one two\r\nthree two\r\n\r\none\r\n",
    "spaces": b"   a    b\t\tc \n     \n  d",
    "not_utf8": b"caf\xe9 \xff\xfe ok\xc3\n\xf0\x9f\x98 ok caf\xe9\n\xed\xa0\x80",
    "nul": b"a\0b a\0b\n",
    "special_in_text": b"<s>hello</s> hello <s>\n",
    "spelled_alphabet": "Ġhello Ġhello Ċ ▁a ▁b ##a ##b #".encode(),
}


def lines_of(data):
    return data.decode("utf-8", errors="replace").split("\n")


def whole_lines(data):
    """With their ends, as the reference reads files."""
    *lines, last = lines_of(data)
    return [line + "\n" for line in lines] + ([last] if last else [])


class Trainer:
    def __init__(self, tidemill, folder):
        self.tidemill = tidemill
        self.folder = folder

    def run(self, data, *options):
        text, out = self.folder / "text.txt", self.folder / "tokenizer.json"
        out.unlink(missing_ok=True)
        text.write_bytes(data)
        return self.tidemill.run("tokenize", "train", "--out", out, *options, text), out

    def __call__(self, data, *options):
        done, out = self.run(data, *options)
        assert done.returncode == 0, done.stderr
        return json.loads(out.read_text(encoding="utf-8"))


def flags(special):
    return [word for token in special for word in ("--special", token)]


def random_words(seed, n_words):
    rng = random.Random(seed)
    letters = "etaoinshr" + "dlu"
    roots = ["".join(rng.choices(letters, k=rng.randint(1, 7))) for _ in range(300)]
    words = (rng.choice(roots) + rng.choice(["", "s", "ed", "ing", rng.choice(roots)]) for _ in range(n_words))
    return "".join(word + rng.choice("    \n") for word in words).encode()
