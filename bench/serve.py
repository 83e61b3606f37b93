"""The server under load, beside llama.cpp's.

    ./dev bench serve [--peers] [--streams 1,4,16,64] [--tokens 64] [--rounds 3] [--parts requests,http,beginnings,streams]
                      [--soak SECONDS]

Streams of greedy completions with prompts that differ, all at once: tokens a second of all of them, and the median time to
a first token; tidemill with guessing ahead and without. The servers run alternately, one at a time, on the same model and
threads, with as many places for texts; every stream gets all its tokens. Then, on a tiny model for which computing costs
next to nothing, the processor time that streaming adds to a token; and with wrk, 16 connections on /health and /v1/models;
and how much sooner a text starts whose beginning is known. Medians are printed.

--soak: instead of all that, twice as many clients as the server has places for, for so many seconds, every fifth of which
leaves in the middle of its text; tells whether memory stays as it is.
"""

import argparse
import asyncio
import random
import re
import statistics
import subprocess
import time

from measuring import PEERS, RELEASE, ROOT, load_now
from serve_load import at_once, complete, prompt, serving

TINY_MODEL = ROOT / "tests/golden/gemma3/model.gguf"
UNGUESSED = "tidemill, no guesses"
PARTS = ["requests", "http", "beginnings", "streams"]
PLACES = 16
CONTEXT = 512
WRK_SECONDS = 4
REPEATS = 20


def tidemill(model, threads, *options):
    return [RELEASE / "tidemill", "serve", model, "--threads", threads, "--port", "PORT", "--log-requests", "0", *options]


def command_of(program, model, threads):
    if program == "llama.cpp":
        return [
            PEERS / "llama-server", "--model", model, "--port", "PORT", "--threads", threads, "--threads-batch", threads,
            "--parallel", PLACES, "--ctx-size", PLACES * CONTEXT,
        ]  # fmt: skip
    guesses = ["--speculate", "off"] if program == UNGUESSED else []
    return tidemill(model, threads, "--max-running", PLACES, "--max-queued", 200, "--ctx", CONTEXT, *guesses)


def ready_path(program):
    """What answers once the model is loaded."""
    return "/health" if program == "llama.cpp" else "/ready"


def measure_streams(options):
    programs = ["tidemill", UNGUESSED] + (["llama.cpp"] if options.peers else [])
    found = {}
    for round_number in range(options.rounds):
        for program in programs if round_number % 2 == 0 else reversed(programs):
            with serving(command_of(program, options.model, options.threads), ready_path(program)) as server:
                at_once(server.port, 1, 8)  # reads the weights once
                for n_streams in options.streams:
                    measured = at_once(server.port, n_streams, options.tokens)
                    found.setdefault((program, n_streams), []).append(measured)
    print("program                streams  tokens/s  to first token s")
    for program in programs:
        for n_streams in options.streams:
            rates, firsts = zip(*found[program, n_streams], strict=True)
            print(f"{program:22} {n_streams:7}  {statistics.median(rates):8.1f}  {statistics.median(firsts):8.3f}")


def measure_beginnings(options):
    """The time to a first token behind a prompt that the server has not met, and behind one that begins like it."""
    waits = {"new": [], "known": []}
    with serving(tidemill(options.model, options.threads, "--ctx", 2048), "/ready") as server:
        at_once(server.port, 1, 8)  # reads the weights once
        for index in range(2 * options.rounds):
            beginning = prompt(index, 1000)
            for kind, end in (("new", "at first"), ("known", "and then")):
                first, _ = asyncio.run(complete(server.port, f"{beginning} {end}", 1))
                waits[kind].append(first * 1000)
    new, known = (statistics.median(waits[kind]) for kind in ("new", "known"))
    print(f"to the first token behind 1,000 words: {new:.0f} ms, where another text began so: {known:.1f} ms ({new / known:.0f} x)")


def measure_http(rounds):
    """Processor time of a streamed token beyond that of the same tokens in one answer, on a model that costs nothing."""
    n_streams, n_tokens = 16, 100
    with serving(tidemill(TINY_MODEL, 1), "/ready") as server:
        used = {True: [], False: []}
        for _ in range(rounds):
            for stream in (True, False):
                before = server.cpu_seconds()
                for _ in range(REPEATS):  # processor time is told in hundredths of a second
                    at_once(server.port, n_streams, n_tokens, stream, n_words=4)
                used[stream].append((server.cpu_seconds() - before) / REPEATS / n_streams / n_tokens * 1e6)
    streamed, whole = statistics.median(used[True]), statistics.median(used[False])
    print(f"processor time a token on a tiny model: streamed {streamed:.1f} us, whole {whole:.1f} us: {streamed - whole:.1f} us for streaming")


def measure_requests(options):
    for program in ["tidemill"] + (["llama.cpp"] if options.peers else []):
        with serving(command_of(program, options.model, 1), ready_path(program)) as server:
            for path in ("/health", "/v1/models"):
                url = f"http://127.0.0.1:{server.port}{path}"
                done = subprocess.run(["wrk", "-t1", "-c16", f"-d{WRK_SECONDS}s", url], capture_output=True, text=True, check=True)
                per_second = float(re.search(r"Requests/sec:\s*([0-9.]+)", done.stdout)[1])
                print(f"{program} {path}: {per_second:.0f} requests/s")


def soak(options):
    """Exit status 1 when memory has grown by more than 2% from the second quarter of the time to the last."""
    sizes, failures, done = [], [], 0
    random.seed(1)

    async def client(port, number, until):
        nonlocal done
        while time.monotonic() < until:
            leaves = random.random() < 0.2
            try:
                await complete(port, prompt(random.randrange(10_000), random.randrange(4, 100)), random.randrange(1, 100),
                               leave_after=random.randrange(1, 5) if leaves else None)  # fmt: skip
                done += 1
            except (OSError, RuntimeError) as error:
                failures.append(f"{number}: {error}")

    async def watch(server, until):
        while time.monotonic() < until:
            await asyncio.sleep(1)
            sizes.append(server.resident_bytes())

    async def run(server):
        until = time.monotonic() + options.soak
        await asyncio.gather(watch(server, until), *(client(server.port, number, until) for number in range(2 * PLACES)))

    # The memory for known beginnings is full early, so that what grows later is something else.
    command = [*command_of("tidemill", options.model, options.threads), "--prefix-cache-mib", 32]
    with serving(command, "/ready") as server:
        asyncio.run(run(server))
    quarter = max(1, len(sizes) // 4)
    early, late = max(sizes[quarter : 2 * quarter] or sizes), max(sizes[-quarter:])
    print(f"{done} completions in {options.soak} s, {len(failures)} failed{': ' + failures[0] if failures else ''}")
    print(f"memory: {early / 1e6:.1f} MB early, {late / 1e6:.1f} MB late, {100 * (late / early - 1):+.1f}%")
    raise SystemExit(1 if failures or late > early * 1.02 else 0)


def numbers(text):
    return [int(word) for word in text.split(",")]


def parts(text):
    words = text.split(",")
    if unknown := [word for word in words if word not in PARTS]:
        raise argparse.ArgumentTypeError(f"'{unknown[0]}' is none of {', '.join(PARTS)}")
    return words


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True)
    parser.add_argument("--peers", action="store_true")
    parser.add_argument("--streams", type=numbers, default=[1, 4, 16, 64])
    parser.add_argument("--tokens", type=int, default=64)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--parts", type=parts, default=PARTS, help="which to measure of " + ", ".join(PARTS))
    parser.add_argument("--soak", type=int, default=0, metavar="SECONDS")
    options = parser.parse_args()
    load_now()
    if options.soak:
        soak(options)
    if "requests" in options.parts:
        measure_requests(options)
    if "http" in options.parts:
        measure_http(options.rounds)
    if "beginnings" in options.parts:
        measure_beginnings(options)
    if "streams" in options.parts:
        measure_streams(options)


if __name__ == "__main__":
    main()
