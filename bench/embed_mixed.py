"""Texts of many lengths in one batch: what they cost beside the sum of what each costs among texts of its own length.

Called by `./dev bench embed --mixed`. Rounds take all measurements in turn; loading the model is taken off, and the least of
each is what counts, for what disturbs only adds.
"""

import json
import random
import subprocess
import time

from measuring import RELEASE

WORDS = "the tide mill stood by water and its wheel turned while grain became bread for all towns along this coast".split()
LENGTHS = [16, 32, 64, 96, 128, 192, 256]
TOKENS = 12_000
ROUNDS = 3


def batch(lengths):
    """A line for each length; every word is a token, and two stand around them."""
    draw = random.Random(1)
    return "\n".join(json.dumps({"text": " ".join(draw.choices(WORDS, k=length - 2))}) for length in lengths).encode()


def seconds(model, threads, lines):
    command = [RELEASE / "tidemill", "embed", model, "--stdin-jsonl", "--threads", str(threads)]
    begin = time.monotonic()
    subprocess.run(command, input=lines, stdout=subprocess.DEVNULL, check=True)
    return time.monotonic() - begin


def cost_at(costs, length):
    """Seconds of one token of a text of `length`, between those that were measured."""
    above = next(measured for measured in LENGTHS if measured >= length)
    if above == LENGTHS[0]:
        return costs[above]
    below = LENGTHS[LENGTHS.index(above) - 1]
    return costs[below] + (costs[above] - costs[below]) * (length - below) / (above - below)


def run(model, thread_counts):
    draw = random.Random(5)
    mixed = [draw.randint(8, LENGTHS[-1]) for _ in range(120)]
    batches = {"none": [3], "mixed": mixed, **{length: [length] * (TOKENS // length) for length in LENGTHS}}
    for threads in thread_counts:
        rounds = [{name: seconds(model, threads, batch(lengths)) for name, lengths in batches.items()} for _ in range(ROUNDS)]
        least = {name: min(one[name] for one in rounds) for name in batches}
        costs = {length: (least[length] - least["none"]) / sum(batches[length]) for length in LENGTHS}
        alone = sum(length * cost_at(costs, length) for length in mixed)
        together = least["mixed"] - least["none"]
        print(f"{threads} threads, {len(mixed)} texts of 8 to {LENGTHS[-1]} tokens: {1e3 * together:.0f} ms, among their like "
              f"{1e3 * alone:.0f} ms: {together / alone:.3f}", flush=True)  # fmt: skip
