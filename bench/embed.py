"""Texts to vectors, tidemill and its peers in alternation on all-MiniLM-L6-v2.

    ./dev bench embed [--peers] [--cells 1x16,8x128] [--threads 1,2] [--rounds 3] [--add]
    ./dev bench embed --stream [--threads 1,2]: how long chunks of a stream wait for their vectors at half load
    ./dev bench embed --mixed [--threads 1,2]: what texts of many lengths in one batch cost

A cell is BATCHxTOKENS: texts of random ids without padding, to vectors of length 1. Peers, each from PyPI in an
environment of its own: ONNX Runtime with operators fused, in float32 and in dynamic int8, OpenVINO and PyTorch with
sentence-transformers, all on the same weights. In each round every program runs once per thread count, and the order
turns around from round to round. Every sample is kept in bench/results/embed-CPU.json (--add: beside those of earlier
runs), from whose medians scripts/readme_table.py makes the table of docs/embeddings.md.
"""

import argparse
import json
import sys

import embed_mixed
import embed_stream
from measuring import PEERS, RELEASE, ROOT, call_json, circumstances, load_now, path_of, show

PYTHON = PEERS / "embed-venv/bin/python"
MODELS = PEERS / "embed-models"
CELLS = [f"{batch}x{tokens}" for batch in (1, 8, 32) for tokens in (16, 128, 256, 512)]
OURS = {"tidemill": "fast", "tidemill-int8": "int8"}  # --precision
PROGRAMS = [*OURS, "onnxruntime", "onnxruntime-int8", "openvino", "pytorch"]


def measure(program, model, threads, cells):
    """Milliseconds of a batch by cell, and the version."""
    if program not in OURS:
        script = ROOT / "bench/peers/embed_bench.py"
        options = ["--program", program, "--models", MODELS, "--model", model, "--threads", threads, "--cells", ",".join(cells)]
        answer = call_json(PYTHON, script, *options)
        return answer["ms"], answer["version"]
    times = {}
    for cell in cells:
        batch, tokens = cell.split("x")
        command = [RELEASE / "tidemill", "embed", model, "--bench", "--json", "--threads", threads, "--precision", OURS[program]]
        times[cell] = call_json(*command, "--batch", batch, "--seq-len", tokens)["batch_ms"]
    return times, ""


def add_round(rows, model, cells, thread_counts, programs, reverse):
    runs = [(program, threads) for threads in thread_counts for program in programs]
    for program, threads in reversed(runs) if reverse else runs:
        times, version = measure(program, model, threads, cells)
        for cell, ms in times.items():
            row = rows.setdefault((program, threads, cell), {"program": program, "threads": threads, "cell": cell, "ms": []})
            row["ms"].append(round(ms, 3))
            row["version"] = version
        print(f"{threads} threads  {program:17}" + "  ".join(f"{cell} {ms:.2f}" for cell, ms in times.items()), file=sys.stderr)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True)
    parser.add_argument("--peers", action="store_true", help="run the others beside tidemill")
    parser.add_argument("--programs", default=",".join(PROGRAMS), help="of these, with --peers")
    parser.add_argument("--cells", default=",".join(CELLS))
    parser.add_argument("--threads", default="1,2", help="thread counts, separated by commas")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--stream", action="store_true", help="a stream at half load")
    parser.add_argument("--mixed", action="store_true", help="texts of many lengths in one batch")
    parser.add_argument("--add", action="store_true", help="keep what the result file holds")
    arguments = parser.parse_args()
    thread_counts = [int(word) for word in arguments.threads.split(",")]
    if arguments.stream:
        embed_stream.run(arguments.model, thread_counts)
        return
    if arguments.mixed:
        embed_mixed.run(arguments.model, thread_counts)
        return
    load = load_now()
    programs = arguments.programs.split(",") if arguments.peers else list(OURS)
    result = {"benchmark": "embed", **circumstances(load)}
    rows = {}
    if arguments.add and path_of(result).exists():
        before = json.loads(path_of(result).read_text(encoding="utf-8"))
        rows = {(row["program"], row["threads"], row["cell"]): row for row in before["rows"]}
    for number in range(arguments.rounds):
        add_round(rows, arguments.model, arguments.cells.split(","), thread_counts, programs, reverse=number % 2 == 1)
    order = lambda row: (row["threads"], CELLS.index(row["cell"]) if row["cell"] in CELLS else -1, PROGRAMS.index(row["program"]))  # noqa: E731
    result["rows"] = sorted(rows.values(), key=order)
    show(result, keep=arguments.peers, page="docs/embeddings.md")


if __name__ == "__main__":
    main()
