"""The codec of deltas on pairs of MiniLM and its fine-tunes (bench/delta_pairs.py), in memory, beside general codecs.

    ./dev bench delta [--peers] [--rounds 5]

Rounds alternate between the programs; each codes and restores all tensors of a pair with one thread and with two, in
blocks of 256 KiB as files of deltas hold them. Medians are shown, and kept in bench/results with --peers.
"""

import argparse
import json
import pathlib
import statistics

import measuring

PAIRS = ["adamw", "adamw-x25", "random-1", "random-10", "no base"]
PEERS = measuring.PEERS / "delta-venv/bin/python"


def lines_of(*command):
    return [json.loads(line) for line in measuring.call(*command).splitlines() if line.startswith("{")]


def files_of(folder, pair):
    if pair == "no base":
        return "-", folder / "base.safetensors"
    return folder / "base.safetensors", folder / f"{pair}.safetensors"


def measured(options, pair, threads):
    """Rows of all programs on a pair, with the seconds of every round."""
    rows = {}
    commands = [[measuring.RELEASE / "delta_codec_bench"]]
    if options.peers:
        commands.append([PEERS, measuring.ROOT / "bench/peers/delta_codecs.py"])
    for index in range(options.rounds):
        for command in commands[:: -1 if index % 2 else 1]:
            for line in lines_of(*command, *files_of(options.pairs, pair), threads, 2):
                name = line.get("program", "tidemill")
                row = rows.setdefault(name, line | {"program": name, "pair": pair, "threads": threads, "make_s": [], "apply_s": []})
                for key in ("make_s", "apply_s"):
                    row[key].append(line[key][-1])  # the first one meets memory that is new
    for row in rows.values():
        for key in ("make_s", "apply_s"):
            row[key] = statistics.median(row[key])
    return list(rows.values())


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=pathlib.Path, default=measuring.ROOT / "build/delta-pairs")
    parser.add_argument("--peers", action="store_true")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    load = measuring.load_now()
    rows = [row for pair in PAIRS for threads in (1, 2) for row in measured(options, pair, threads)]
    result = {"benchmark": "delta", "rounds": options.rounds, "rows": rows} | measuring.circumstances(load)
    measuring.show(result, keep=options.peers, page="docs/compression.md")


if __name__ == "__main__":
    main()
