"""What a token costs far into a text: decoding behind prompts of 1,024, 8,192 and 32,000 tokens.

    ./dev bench context [--peers] [--models gemma,rwkv7,mamba] [--lengths 1024,8192,32000] [--threads 2] [--rounds 3] [--add]

The models are the default one, Gemma 3 270M, whose windows leave 3 of 18 layers that see everything, and the recurrent ones
of recurrent_models.py with 4 layers of width 384 in Q8_0, whose state has a fixed size. Every measurement is a fresh
process, which is not quick: the prompt is read each time. In each round every program runs once per model and length, and
the order turns around from round to round. With --write the samples go to bench/results/context-CPU.json (--add: beside
those it has), from which scripts/readme_table.py makes the table of docs/performance.md.
"""

import argparse
import json
import pathlib
import sys

import measuring
import recurrent_models
from measuring import PEERS, RELEASE, ROOT, call_json

N_GEN = 64
SIZE = (4, 384, 4096)  # of recurrent models: layers, width, vocabulary
RECURRENT_DTYPE = "Q8_0"
FIELDS = ("decode_tok_s", "prefill_tok_s", "peak_rss_bytes")


def measure(program, path, threads, length):
    lengths = ["--prompt-tokens", length, "--gen-tokens", N_GEN]
    if program == "tidemill":
        context = ["--ctx", length + N_GEN + 1]
        return call_json(RELEASE / "tidemill", "bench", path, "--threads", threads, *lengths, *context, "--json")
    script = ROOT / "bench/peers/llama_cpp_bench.py"
    return call_json(PEERS / "llama-venv/bin/python", script, "--model", path, "--threads", threads, *lengths)


def path_of_model(name, default_model):
    if name == "gemma":
        return pathlib.Path(default_model)
    folder = ROOT / "build/bench-recurrent" / "x".join(map(str, SIZE))
    return recurrent_models.make(name, folder, *SIZE)[RECURRENT_DTYPE]


def key(row):
    return row["model"], row["program"], row["threads"], row["position"]


def merged(before, result):
    """`result` with the samples of an earlier run in front of its own."""
    rows = {key(row): row for row in before["rows"]}
    for row in result["rows"]:
        earlier = rows.get(key(row), {})
        rows[key(row)] = row | {field: earlier.get(field, []) + row[field] for field in FIELDS}
    load = max(before["load_before"], result["load_before"])
    return result | {"rows": list(rows.values()), "load_before": load}


def measure_all(arguments):
    rows = [
        {"model": path.name, "program": program, "threads": int(threads), "position": int(length), "path": path}
        | {field: [] for field in FIELDS}
        for path in (path_of_model(name, arguments.model) for name in arguments.models.split(","))
        for threads in arguments.threads.split(",")
        for length in arguments.lengths.split(",")
        for program in (["tidemill", "llama.cpp"] if arguments.peers else ["tidemill"])
    ]
    for index in range(arguments.rounds):
        for row in reversed(rows) if index % 2 else rows:
            sample = measure(row["program"], row["path"], row["threads"], row["position"])
            for field in FIELDS:
                row[field].append(round(sample[field], 1))
            print(f"{row['model']:24} {row['threads']} threads  {row['program']:10} position {row['position']:6}  "
                  f"decode {row['decode_tok_s'][-1]:7.1f}  prefill {row['prefill_tok_s'][-1]:7.1f} tokens/s",
                  file=sys.stderr)  # fmt: skip
    return [{field: value for field, value in row.items() if field != "path"} for row in rows]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True, help="a GGUF file (./dev bench gives the default model)")
    parser.add_argument("--models", default="gemma,rwkv7,mamba", help="gemma (--model) and kinds of recurrent models")
    parser.add_argument("--lengths", default="1024,8192,32000", help="prompts, separated by commas")
    parser.add_argument("--threads", default="2", help="thread counts, separated by commas")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--peers", action="store_true", help="run llama.cpp beside tidemill")
    parser.add_argument("--write", action="store_true", help="keep the result for the documentation")
    parser.add_argument("--add", action="store_true", help="keep what the result file holds, too")
    arguments = parser.parse_args()
    load = measuring.load_now()
    result = {
        "benchmark": "context",
        "gen_tokens": N_GEN,
        **measuring.circumstances(load),
        "rows": measure_all(arguments),
    }
    path = measuring.path_of(result)
    if arguments.add and path.exists():
        result = merged(json.loads(path.read_text(encoding="utf-8")), result)
    measuring.show(result, keep=arguments.write or arguments.add, page="docs/performance.md")


if __name__ == "__main__":
    main()
