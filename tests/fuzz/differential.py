"""Random texts through tidemill and through the libraries that its tokenizers follow: ids, offsets, decoded text.

    ./dev fuzz differential --seconds 600
    tests/fuzz/differential.py --tokenizer hf-17 --text '"a text as JSON"'     one case again

Ends with status 1 at the first difference, after printing the smallest text or ids found that still differ and the
command that shows it again.
"""

import argparse
import json
import os
import pathlib
import random
import subprocess
import sys
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests/fuzz"), str(ROOT / "tests/text")]

import differential_tokenizers as subjects  # noqa: E402
from nasty_texts import nasty_texts  # noqa: E402

BATCH = 100  # texts at a time for one tokenizer
MAX_TRIES = 600  # while a text is made smaller


class Process:
    """One `tidemill tokenize --stdin-jsonl` that answers line by line for as long as it is needed."""

    def __init__(self, tidemill, path, *arguments):
        command = [str(tidemill), "tokenize", "--tokenizer", str(path), "--stdin-jsonl", *arguments]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def ask(self, lines):
        data = "".join(json.dumps(line) + "\n" for line in lines).encode()
        writer = threading.Thread(target=self._write, args=(data,))
        writer.start()
        answers = []
        for _ in lines:
            answer = self.process.stdout.readline()
            if not answer:
                raise Ended(self.process.stderr.read().decode(errors="replace"))
            answers.append(json.loads(answer))
        writer.join()
        return answers

    def _write(self, data):
        try:
            self.process.stdin.write(data)
            self.process.stdin.flush()
        except BrokenPipeError:
            pass  # `ask` sees that there are no more answers

    def close(self):
        self.process.kill()
        self.process.communicate()


class Ended(Exception):
    """The process ended where it should have answered."""


class Comparison:
    """One tokenizer, ours beside the reference's."""

    def __init__(self, subject, tidemill):
        self.subject = subject
        self.tidemill = tidemill
        self.processes = {}

    def ask(self, lines, *arguments):
        if arguments not in self.processes:
            self.processes[arguments] = Process(self.tidemill, self.subject.path, *arguments)
        try:
            return self.processes[arguments].ask(lines)
        except Ended as problem:
            self.processes.pop(arguments).close()
            return [{"ended": str(problem)}] * len(lines)

    def close(self):
        for process in self.processes.values():
            process.close()

    def check_texts(self, texts):
        """The first text whose ids or offsets differ, with what differs; None."""
        lines = [{"text": text, "add_special_tokens": False} for text in texts]
        # Without offsets most tokenizers take quicker ways.
        answers, plain_answers = self.ask(lines, "--offsets"), self.ask(lines)
        if any("ended" in answer for answer in answers + plain_answers) and len(texts) > 1:
            return next(filter(None, (self.check_texts([text]) for text in texts)), None)
        for text, answer, plain in zip(texts, answers, plain_answers, strict=True):
            try:
                ids, offsets = self.subject.encode(text)
            except BaseException as problem:  # the reference gives up, also by panicking
                if isinstance(problem, KeyboardInterrupt):
                    raise
                continue
            expected = {"ids": ids, "offsets": offsets}
            for key in ["ids", "offsets"] if self.subject.has_offsets else ["ids"]:
                if answer.get(key) != expected[key]:
                    return text, f"{key}\n  tidemill  {answer.get(key, answer)}\n  reference {expected[key]}"
            if plain.get("ids") != ids:
                return text, f"ids without offsets\n  tidemill  {plain.get('ids', plain)}\n  reference {ids}"
        return None

    def check_ids(self, lists, skip_special_tokens):
        """The same of decoded text."""
        lines = [{"ids": ids, "skip_special_tokens": skip_special_tokens} for ids in lists]
        for ids, answer in zip(lists, self.ask(lines, "--decode"), strict=True):
            expected = self.subject.decode(ids, skip_special_tokens)
            if answer.get("text") != expected:
                found = answer.get("text", answer)
                return ids, f"text (skip_special_tokens {skip_special_tokens})\n  tidemill  {found!a}\n  reference {expected!a}"
        return None

    def check_bytes(self, texts):
        """The same of bytes that need not be UTF-8; they go in as lines of a file."""
        command = [str(self.tidemill), "tokenize", "--tokenizer", str(self.subject.path), "--input", "-"]
        done = subprocess.run(command, input=b"".join(text + b"\n" for text in texts), capture_output=True, check=False)
        plain = self.ask([{"text": text.decode(errors="replace")} for text in texts])
        for text, line, answer in zip(texts, [*done.stdout.split(b"\n")[:-1], *[b""] * len(texts)], plain, strict=False):
            found = [int(number) for number in line.split()]
            if found != answer.get("ids"):
                return text, f"ids of bytes\n  tidemill  {found}\n  of the text with U+FFFD {answer}"
        return None


def smaller(case, differs):
    """The case with as much taken out as still differs; text, bytes or a list."""
    tries = 0
    size = max(len(case) // 2, 1)
    while size >= 1 and tries < MAX_TRIES:
        at = 0
        while at < len(case) and tries < MAX_TRIES:
            tries += 1
            shorter = case[:at] + case[at + size :]
            if differs(shorter):
                case = shorter
            else:
                at += size
        size //= 2
    return case


def random_texts(rng, snippets):
    texts = nasty_texts(BATCH - 2, seed=rng.randrange(1 << 30), snippets=[*snippets, *subjects.SENTENCES])
    # Old texts, joined and with a part of them twice, or with a stretch moved.
    for _ in range(BATCH // 5):
        a, b = rng.choice(texts), rng.choice(texts)
        cut = rng.randint(0, len(a))
        texts.append(rng.choice([a[:cut] + b + a[cut:], a[cut:] + a[:cut], a + a, a[:cut] + a[cut:].swapcase()]))
    texts.append(rng.choice(["a", " ", "\n", "ab", "\u4f60", "\u0301", "e\u0301", "\u200d", "0", "\u2581"]) * rng.choice([1000, 20000]))
    return texts


def random_bytes(rng, texts):
    found = []
    for text in rng.sample(texts, 20):
        data = bytearray(text.encode()[:300])
        for _ in range(rng.randint(1, 4)):
            at = rng.randint(0, len(data))
            data[at : at + rng.randint(0, 2)] = rng.choice([b"\xff", b"\xc3", b"\xe2\x96", b"\xf0\x9f\x98", b"\xed\xa0\x80", b"\xc0\x80", b"\x80"])
        found.append(bytes(data).replace(b"\n", b" ").replace(b"\r", b" "))
    return found


def check_round(comparison, rng):
    """(what was compared, case, difference) of one batch; None."""
    texts = random_texts(rng, comparison.subject.snippets)
    if found := comparison.check_texts(texts):
        return ("text", *found)
    lists = [[rng.randrange(comparison.subject.n_ids) for _ in range(rng.randint(0, 15))] for _ in range(BATCH // 2)]
    for skip in [True, False]:
        if found := comparison.check_ids(lists, skip):
            return ("ids", *found)
    if found := comparison.check_bytes(random_bytes(rng, texts)):
        return ("bytes", *found)
    return None


def check_again(comparison, what, case):
    if what == "text":
        return comparison.check_texts([case])
    if what == "ids":
        return comparison.check_ids([case], True) or comparison.check_ids([case], False)
    return comparison.check_bytes([case])


def report(name, comparison, found):
    what, case, _ = found
    case = smaller(case, lambda shorter: check_again(comparison, what, shorter))
    case, difference = check_again(comparison, what, case) or found[1:]
    shown = list(case) if isinstance(case, bytes) else case
    print(f"{name} ({comparison.subject.path}): {what} {json.dumps(shown)} differs in {difference}")
    written = json.dumps(shown).replace("'", "\\u0027")
    print(f"again: {sys.argv[0]} --tokenizer {name} --{what} '{written}'", flush=True)


def names(rng):
    """Installed tokenizers and newly made ones in turn."""
    found = subjects.installed()
    while True:
        yield from rng.sample(sorted(found), len(found))
        for kind in rng.sample(["hf", "hf", "hf", "sentencepiece", "sentencepiece", "tiktoken"], 6):
            yield f"{kind}-{rng.randrange(1 << 20)}"


def load(name, folder):
    found = subjects.installed()
    return found[name]() if name in found else subjects.made(name, folder)


def fuzz(options, folder):
    rng = random.Random(options.seed)
    comparisons, n_texts, n_failures = {}, 0, 0
    end = time.monotonic() + options.seconds
    for name in names(rng):
        if time.monotonic() > end:
            break
        if name not in comparisons:
            comparisons[name] = Comparison(load(name, folder), options.tidemill)
        for _ in range(3):
            if found := check_round(comparisons[name], rng):
                report(name, comparisons[name], found)
                n_failures += 1
                break
            n_texts += BATCH
        if n_failures >= options.failures:
            break
        if name not in subjects.installed():
            comparisons.pop(name).close()
    for comparison in comparisons.values():
        comparison.close()
    print(f"differential: {n_texts} texts of seed {options.seed}, {n_failures} differences")
    return 1 if n_failures else 0


def again(options, folder):
    comparison = Comparison(load(options.tokenizer, folder), options.tidemill)
    for what in ["text", "ids", "bytes"]:
        written = getattr(options, what)
        if written is None:
            continue
        case = json.loads(written)
        found = check_again(comparison, what, bytes(case) if what == "bytes" else case)
        print(f"{options.tokenizer} ({comparison.subject.path}): {found[1] if found else 'no difference'}")
        return 1 if found else 0
    return 2


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    build = os.environ.get("TIDEMILL_BUILD", str(ROOT / "build/release"))
    parser.add_argument("--tidemill", default=str(pathlib.Path(build) / "tidemill"), help="the program to test")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 20))
    parser.add_argument("--failures", type=int, default=1, help="differences after which to stop")
    parser.add_argument("--tokenizer", help="compare one case again: a name that a failure printed")
    for what in ["text", "ids", "bytes"]:
        parser.add_argument(f"--{what}", help="the case, as JSON")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        return again(options, folder) if options.tokenizer else fuzz(options, folder)


if __name__ == "__main__":
    sys.exit(main())
