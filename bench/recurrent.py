"""Recurrent models, tidemill and its peers in alternation on random models that are made for it.

    ./dev bench recurrent [--peers [--rwkv-cpp DIR]] [--models rwkv7,mamba] [--dtypes F32,Q8_0,Q4_0] [--threads 1,2]
                          [--rounds 5] [--add]

The models have 4 layers of width 384 and a vocabulary of 4096 (--layers, --width, --vocab), so that a token takes some
hundred microseconds. Every measurement is a fresh process; in each round every program runs once per model, format and
thread count, and the order turns around from round to round. Medians are printed beside what reading as many bytes
reaches here, and with --peers written to bench/results/recurrent-CPU.json (recurrent-CPU_SIZE.json for another size),
from which scripts/readme_table.py makes the tables of docs/models.md; --add keeps the rounds that this file has.
llama.cpp reads the GGUFs; transformers takes part for Mamba where build/peers/transformers-venv has it, rwkv.cpp for
RWKV-7 where there is a build of it: --rwkv-cpp names the folder that holds its librwkv.so, or has it in bin/. Its models
are made in its own format (rwkv_cpp.py), and its scores of a short text are first compared with ours.
"""

import argparse
import json
import pathlib
import sys

import recurrent_models
import rwkv_cpp
from measuring import PEERS, RELEASE, ROOT, call_json, circumstances, load_now, path_of, show

LLAMA_PYTHON = PEERS / "llama-venv/bin/python"
TRANSFORMERS_PYTHON = PEERS / "transformers-venv/bin/python"
N_PROMPT = 512
N_GEN = 256
N_GEN_TRANSFORMERS = 16  # it is slow
SIZE = (4, 384, 4096)  # layers, width, vocabulary


def measure(row, path, rwkv):
    program, threads, source = row["program"], row["threads"], path.parent / row["model"]
    lengths = ["--prompt-tokens", N_PROMPT, "--gen-tokens", N_GEN]
    if program == "tidemill":
        return call_json(RELEASE / "tidemill", "bench", path, "--threads", threads, *lengths, "--json")
    if program == "llama.cpp":
        script = ROOT / "bench/peers/llama_cpp_bench.py"
        return call_json(LLAMA_PYTHON, script, "--model", path, "--threads", threads, *lengths)
    if program == "rwkv.cpp":
        return rwkv.bench(rwkv.make(source, row["dtype"]), threads, lengths)
    lengths = ["--prompt-tokens", N_PROMPT, "--gen-tokens", N_GEN_TRANSFORMERS]
    script = ROOT / "bench/peers/transformers_bench.py"
    return call_json(TRANSFORMERS_PYTHON, script, "--model", source, "--threads", threads, *lengths)


def programs_for(kind, dtype, with_peers, rwkv):
    programs = ["tidemill"]
    if with_peers and kind in recurrent_models.IN_GGUF:
        programs.append("llama.cpp")
    if rwkv and kind in rwkv_cpp.KINDS:
        programs.append("rwkv.cpp")
    if with_peers and kind.startswith("mamba") and dtype == "F32" and TRANSFORMERS_PYTHON.exists():
        programs.append("transformers")
    return programs


def bytes_per_token(path):
    """Every weight once, but of an embedding that is not the output head too one row, which counts as nothing."""
    tensors = call_json(RELEASE / "tidemill", "info", path, "--json")["tensors"]
    tied = not any(tensor["name"] in ("output.weight", "head.weight", "lm_head.weight") for tensor in tensors)
    embeddings = ("token_embd.weight", "emb.weight", "backbone.embeddings.weight")
    return sum(tensor["size_bytes"] for tensor in tensors if tied or tensor["name"] not in embeddings)


def empty_rows(cases, thread_counts, with_peers, rwkv):
    return [
        {
            "model": kind, "dtype": dtype, "program": program, "threads": threads,
            "bytes_per_token": bytes_per_token(path), "prefill_tok_s": [], "decode_tok_s": [],
        }
        for kind, dtype, path in cases
        for threads in thread_counts
        for program in programs_for(kind, dtype, with_peers, rwkv)
    ]  # fmt: skip


def add_round(rows, paths, rwkv, reverse):
    for row in reversed(rows) if reverse else rows:
        sample = measure(row, paths[row["model"], row["dtype"]], rwkv)
        for field in ("prefill_tok_s", "decode_tok_s"):
            row[field].append(round(sample[field], 1))
        row["version"] = sample.get("version", "")
        print(
            f"{row['model']:7} {row['dtype']:5} {row['threads']} threads  {row['program']:12} "
            f"prefill {row['prefill_tok_s'][-1]:8.0f}  decode {row['decode_tok_s'][-1]:7.0f} tokens/s",
            file=sys.stderr,
        )


def with_best_roofs(before, now):
    """A roof is what is possible: the greater of two measurements."""
    best = {threads: dict(reads) for threads, reads in before.items()}
    for threads, reads in now.items():
        mine = best.setdefault(threads, {})
        for size, speed in reads.items():
            mine[size] = max(speed, mine.get(size, 0))
    return best


def merged(before, result):
    """`result` with the samples of an earlier run in front of its own."""
    key = lambda row: (row["model"], row["dtype"], row["program"], row["threads"])  # noqa: E731
    own = {key(row): row for row in result["rows"]}
    for row in before["rows"]:
        mine = own.setdefault(key(row), row)
        if mine is not row:
            for field in ("prefill_tok_s", "decode_tok_s"):
                mine[field] = row[field] + mine[field]
    roofs = with_best_roofs(before["roofs"], result["roofs"])
    load = max(before["load_before"], result["load_before"])
    order = list(recurrent_models.KINDS)
    rows = sorted(own.values(), key=lambda row: order.index(row["model"]))  # else as they came
    return result | {"rows": rows, "roofs": roofs, "load_before": load}


def rwkv_peer(arguments, cases):
    """rwkv.cpp with all models made and the scores of each compared, or None where it takes no part."""
    if not arguments.peers:
        return None
    if not arguments.rwkv_cpp:
        print("rwkv.cpp is left out: name the folder of its build with --rwkv-cpp", file=sys.stderr)
        return None
    rwkv = rwkv_cpp.RwkvCpp(arguments.rwkv_cpp)
    models = [(path.parent / kind, dtype) for kind, dtype, path in cases if kind in rwkv_cpp.KINDS]
    for source, dtype in models:
        rwkv.make(source, dtype)
    for source in {source for source, _ in models}:
        rwkv.check(source)
    return rwkv


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peers", action="store_true", help="run llama.cpp and transformers beside tidemill")
    parser.add_argument("--rwkv-cpp", type=pathlib.Path, metavar="DIR", help="run rwkv.cpp too: the folder of its build")
    parser.add_argument("--models", default=",".join(recurrent_models.KINDS))
    parser.add_argument("--dtypes", default=",".join(recurrent_models.GGUF_DTYPES))
    parser.add_argument("--threads", default="1,2", help="thread counts, separated by commas")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--add", action="store_true", help="keep what the result file holds")
    parser.add_argument("--layers", type=int, default=SIZE[0])
    parser.add_argument("--width", type=int, default=SIZE[1])
    parser.add_argument("--vocab", type=int, default=SIZE[2])
    arguments = parser.parse_args()
    thread_counts = [int(word) for word in arguments.threads.split(",")]
    size = (arguments.layers, arguments.width, arguments.vocab)
    folder = ROOT / "build/bench-recurrent" / "x".join(map(str, size))

    cases = [
        (kind, dtype, path)
        for kind in arguments.models.split(",")
        for dtype, path in recurrent_models.make(kind, folder, *size).items()
        if dtype in arguments.dtypes.split(",")
    ]
    rwkv = rwkv_peer(arguments, cases)
    load = load_now()
    rows = empty_rows(cases, thread_counts, arguments.peers, rwkv)
    sizes = sorted({row["bytes_per_token"] for row in rows})
    roofs = call_json(RELEASE / "read_bench", "--threads", arguments.threads, *sizes)
    paths = {(kind, dtype): path for kind, dtype, path in cases}
    for number in range(arguments.rounds):
        add_round(rows, paths, rwkv, reverse=number % 2 == 1)
    result = {
        "benchmark": "recurrent",
        "model": dict(zip(("layers", "width", "vocab"), size, strict=True)),
        "prompt_tokens": N_PROMPT,
        "gen_tokens": N_GEN,
        **circumstances(load),
        "roofs": roofs,
        "rows": rows,
    }
    if size != SIZE:
        result["size"] = "x".join(map(str, size))
    path = path_of(result)
    if arguments.add and path.exists():
        result = merged(json.loads(path.read_text(encoding="utf-8")), result)
    show(result, keep=arguments.peers, page="docs/models.md")


if __name__ == "__main__":
    main()
