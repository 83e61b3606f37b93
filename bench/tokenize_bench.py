"""Encoding of text, tidemill and other libraries in alternation on the same files.

    ./dev bench tokenize [--peers] [--threads 1,2] [--rounds 5] [--tokenizer FILE ...]

Every kind is there: byte-level BPE (cl100k, o200k), SentencePiece BPE (Llama 2, Gemma 3), WordPiece and Unigram. A round
with peers takes some four minutes.

Every measurement is a fresh process on as many processors as threads: a first pass over a text and a second one. In
each round every program runs once per tokenizer, text and thread count, and the order turns around from round to
round, so that a change of the machine's speed meets all of them. Medians are printed and, with peers, written to
bench/results/tokenize-CPU.json, from which scripts/readme_table.py makes the table of README.md.
"""

import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys

import tokenize_texts
from measuring import PEERS, RELEASE, ROOT, circumstances, load_now, show

PEER_PYTHON = PEERS / "tokenizer-venv/bin/python"
# What reads which files.
LIBRARIES = {".tiktoken": ["gigatoken", "tiktoken"], ".json": ["gigatoken", "fastokens", "tokenizers"], ".model": ["sentencepiece"]}
WORDPIECE_LIBRARIES = ["nanotoken", "tokenizers"]
# Texts for the slow ones are cut, so that a round ends: characters.
SLOW = {"tokenizers": 300_000, "tiktoken": 1_500_000}


def libraries_for(tokenizer):
    if tokenizer.suffix == ".json" and json.loads(tokenizer.read_text(encoding="utf-8"))["model"].get("type") == "WordPiece":
        return WORDPIECE_LIBRARIES
    return LIBRARIES[tokenizer.suffix]


def run_on(cpus, command):
    """The JSON that a process on these processors prints; None when it fails."""
    done = subprocess.run(
        [str(word) for word in command], capture_output=True, text=True, preexec_fn=lambda: os.sched_setaffinity(0, cpus)
    )
    if done.returncode != 0:
        print(f"{command[0]} {command[2]}: {done.stderr.strip()[-200:]}", file=sys.stderr)
        return None
    return json.loads(done.stdout)


def measure(program, tokenizer, text, threads):
    cpus = sorted(os.sched_getaffinity(0))[-threads:]
    if program == "tidemill":
        command = [RELEASE / "tidemill", "tokenize", tokenizer, "--bench", "--repeat", "--input", text]
        return run_on(cpus, [*command, "--threads", threads, "--json"])
    if program in SLOW:
        short = text.with_suffix(f".{SLOW[program]}.txt")
        if not short.exists():
            short.write_text(text.read_text(encoding="utf-8")[: SLOW[program]], encoding="utf-8")
        text = short
    return run_on(cpus, [PEER_PYTHON, ROOT / "bench/peers/tokenizer_bench.py", program, tokenizer, text, threads])


def summary(samples, field):
    return {"median": statistics.median(s["bytes"] / 1e6 / s[field] for s in samples)}


def rows_of(samples):
    return [
        {"tokenizer": tokenizer, "text": text, "threads": threads, "program": program, "tokens": taken[0]["tokens"]}
        | {"first_mb_s": summary(taken, "seconds"), "again_mb_s": summary(taken, "repeat_seconds")}
        for (tokenizer, text, threads, program), taken in samples.items()
        if taken
    ]


def measure_all(tokenizers, texts, thread_counts, rounds, peers):
    samples = {}
    programs_for = {tokenizer: ["tidemill", *(libraries_for(tokenizer) if peers else [])] for tokenizer in tokenizers}
    for round_number in range(rounds):
        for tokenizer, programs in programs_for.items():
            for name, text in texts.items():
                for threads in thread_counts:
                    for program in programs if round_number % 2 == 0 else reversed(programs):
                        sample = measure(program, tokenizer, text, threads)
                        key = (tokenizer.stem.removesuffix("-tokenizer"), name, threads, program)
                        samples.setdefault(key, []).extend([sample] if sample else [])
        print(f"round {round_number + 1} of {rounds} done", file=sys.stderr)
    return samples


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peers", action="store_true", help="run the other libraries beside tidemill")
    parser.add_argument("--tokenizer", action="append", type=pathlib.Path, help="a tokenizer.json, .tiktoken or .model file; repeatable")
    parser.add_argument("--threads", default="1,2", help="thread counts, separated by commas")
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    load = load_now()
    texts = tokenize_texts.write_all(ROOT / "build/bench-texts")
    thread_counts = [int(word) for word in arguments.threads.split(",")]
    samples = measure_all(arguments.tokenizer, texts, thread_counts, arguments.rounds, arguments.peers)
    result = {
        "benchmark": "tokenize",
        "rounds": arguments.rounds,
        "texts": {name: path.stat().st_size for name, path in texts.items()},
        **circumstances(load),
        "rows": rows_of(samples),
    }
    show(result, keep=arguments.peers, page="README.md")


if __name__ == "__main__":
    main()
