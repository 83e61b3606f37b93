"""Training of byte-level BPE or Unigram, tidemill and other trainers in alternation on the same text.

    ./dev bench train_tokenizer [--peers] [--kind bpe] [--vocab-size 16000] [--threads 1,2] [--rounds 3] [--text FILE]

Every measurement is a fresh process on as many processors as threads; the order turns around from round to round, so
that a change of the machine's speed meets all of them. Medians are printed: seconds from the file to the result.
"""

import argparse
import json
import os
import pathlib
import statistics
import subprocess
import tempfile

import tokenize_texts
from measuring import RELEASE, ROOT

PEER_PYTHON = ROOT / "build/peers/training-venv/bin/python"
PEERS = {"bpe": ["gigabpe", "tokenizers"], "unigram": ["sentencepiece", "tokenizers"]}


def write_text(path, size_bytes):
    """Manuals, sentences of eight scripts and code, in equal parts as far as there is enough of each."""
    parts = [tokenize_texts.prose(), tokenize_texts.mixed(4_000_000), "\n".join(tokenize_texts.source_files())]
    text = "".join(part[: size_bytes // 3] for part in parts[:2]) + "\n" + parts[2]
    path.write_bytes(text.encode()[:size_bytes].decode(errors="ignore").encode())


def run_on(cpus, command):
    done = subprocess.run(
        [str(word) for word in command], capture_output=True, text=True, preexec_fn=lambda: os.sched_setaffinity(0, cpus)
    )
    if done.returncode != 0:
        raise SystemExit(f"error: {command[0]}: ended with {done.returncode}: {done.stderr.strip()[-400:]}")
    return json.loads(done.stdout)


def seconds_of(program, kind, text, vocab_size, threads):
    cpus = sorted(os.sched_getaffinity(0))[-threads:]
    if program != "tidemill":
        script = ROOT / "bench/peers/training_bench.py"
        return run_on(cpus, [PEER_PYTHON, script, program, kind, text, vocab_size, threads])["seconds"]
    out = text.with_suffix(".json")
    train = [RELEASE / "tidemill", "tokenize", "train", "--kind", kind, "--vocab-size", vocab_size, "--threads", threads]
    answer = run_on(cpus, [*train, "--out", out, text, "--json"])
    return answer["read_seconds"] + answer["train_seconds"]


def measure_all(programs, kind, text, vocab_size, thread_counts, rounds):
    """(program, threads) -> seconds of every round."""
    samples = {(program, threads): [] for threads in thread_counts for program in programs}
    for round_number in range(rounds):
        keys = list(samples)
        for program, threads in keys if round_number % 2 == 0 else reversed(keys):
            samples[program, threads].append(seconds_of(program, kind, text, vocab_size, threads))
    return samples


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peers", action="store_true", help="run other trainers beside tidemill")
    parser.add_argument("--kind", choices=PEERS, default="bpe")
    parser.add_argument("--text", type=pathlib.Path, help="a text file; none: 16 MB made from what Python carries")
    parser.add_argument("--vocab-size", type=int, default=16000)
    parser.add_argument("--threads", default="1,2", help="thread counts, separated by commas")
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    programs = ["tidemill", *(PEERS[arguments.kind] if arguments.peers else [])]
    thread_counts = [int(word) for word in arguments.threads.split(",")]
    with tempfile.TemporaryDirectory() as folder:
        text = pathlib.Path(folder) / "text.txt"
        if arguments.text:
            text.write_bytes(arguments.text.read_bytes())
        else:
            write_text(text, 16_000_000)
        samples = measure_all(programs, arguments.kind, text, arguments.vocab_size, thread_counts, arguments.rounds)
        size = f"{text.stat().st_size / 1e6:.1f} MB"
        print(f"{arguments.kind}, {arguments.vocab_size} tokens from {size}, medians of {arguments.rounds} rounds")
    for (program, threads), taken in samples.items():
        median = statistics.median(taken)
        ours = statistics.median(samples["tidemill", threads])
        print(f"{program:12} {threads} threads {median:8.2f} s  {median / ours:6.1f} x  (best {min(taken):.2f} s)")


if __name__ == "__main__":
    main()
