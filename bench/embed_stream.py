"""A stream of text to vectors at half of what tidemill can do: how long a chunk waits for its vector.

Called by `./dev bench embed --stream`. First as much text as goes through is embedded, to know the rate; then chunks come at
half of it, at random times as arrivals do (Poisson), a sentence of about so many tokens each.
"""

import json
import random
import subprocess
import time

from measuring import RELEASE

WORDS = "the tide mill stood by water and its wheel turned slowly while grain became flour for all towns along this coast".split()
SECONDS = 15


def sentences(n_words, count, seed):
    draw = random.Random(seed)
    return [" ".join(draw.choices(WORDS, k=n_words)).capitalize() + ". " for _ in range(count)]


def start(model, threads):
    command = [RELEASE / "tidemill", "embed", model, "--stream", "--json", "--chunk-by", "sentence", "--threads", str(threads)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)


def full_rate(model, threads, n_words):
    """Chunks a second."""
    process = start(model, threads)
    text, _ = process.communicate("".join(sentences(n_words, 4000 // n_words * 4, 1)).encode(), timeout=120)
    return json.loads(text.splitlines()[-1])["statistics"]["chunks_per_s"]


def at_rate(model, threads, n_words, rate):
    process = start(model, threads)
    draw, at, begin = random.Random(2), 0.0, time.monotonic() + 0.5
    drain = subprocess.Popen(["tail", "-n", "1"], stdin=process.stdout, stdout=subprocess.PIPE)  # reads while we write
    for sentence in sentences(n_words, int(rate * SECONDS), 3):
        at += draw.expovariate(rate)
        time.sleep(max(0, begin + at - time.monotonic()))
        process.stdin.write((sentence + "\n\n").encode())  # an empty line: it ends here, whatever follows
        process.stdin.flush()
    process.stdin.close()
    last, _ = drain.communicate(timeout=120)
    process.wait(timeout=120)
    return json.loads(last)["statistics"]


def run(model, thread_counts):
    for threads in thread_counts:
        for n_words in (16, 64, 120):
            rate = full_rate(model, threads, n_words)
            found = at_rate(model, threads, n_words, rate / 2)
            print(f"{threads} threads, about {n_words} words a chunk: {rate:.0f} chunks/s at most; at {rate / 2:.0f}: "
                  f"p50 {found['latency_p50_ms']:.1f} ms, p95 {found['latency_p95_ms']:.1f} ms, "
                  f"max {found['latency_max_ms']:.1f} ms", flush=True)  # fmt: skip
