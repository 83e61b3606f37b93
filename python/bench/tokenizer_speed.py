"""Tokenizer.encode_batch beside the C++ library's own (`tidemill tokenize --bench`) and Hugging Face's tokenizers.

    python python/bench/tokenizer_speed.py --tokenizer tokenizer.json --input text.txt [--program build/release/tidemill]
"""

import argparse
import json
import subprocess
import time

import tidemill


def seconds(work):
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tokenizer", required=True)
    parser.add_argument("--input", required=True)
    parser.add_argument("--program", default="build/release/tidemill")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--lines", action="store_true", help="each line is a text; C++ has the file as one in any case")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    with open(options.input, encoding="utf-8") as file:
        text = file.read()
    texts = text.split("\n") if options.lines else [text]
    n_bytes = sum(len(text.encode()) for text in texts)
    tokenizer = tidemill.Tokenizer.from_file(options.tokenizer)
    command = [options.program, "tokenize", "--tokenizer", options.tokenizer, "--bench", "--input", options.input,
               "--threads", str(options.threads), "--repeat", "--json"]  # fmt: skip
    runs = {
        "encode_batch_flat": lambda: tokenizer.encode_batch_flat(texts, num_threads=options.threads),
        "encode_batch": lambda: tokenizer.encode_batch(texts, num_threads=options.threads),
    }
    try:
        import tokenizers

        peer = tokenizers.Tokenizer.from_file(options.tokenizer)
        runs["tokenizers"] = lambda: peer.encode_batch_fast(texts)
    except ImportError:
        print("pip install tokenizers to have it beside")
    best = dict.fromkeys(["C++", *runs], 1e9)
    for _ in range(options.rounds):
        told = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        best["C++"] = min(best["C++"], told["repeat_seconds"])  # all of them have seen the text before
        for name, run in runs.items():
            best[name] = min(best[name], seconds(run))
    for name, time_s in best.items():
        print(f"{name:20} {n_bytes / time_s / 1e6:8.1f} MB/s")


if __name__ == "__main__":
    main()
