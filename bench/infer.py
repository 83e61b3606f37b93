"""Text generation, tidemill and its peers in alternation on the same GGUF files.

    ./dev bench infer [--peers [--ik-llama DIR]] [--models gemma,Q8_0,Q4_0,...] [--threads 1,2] [--rounds 5] [--with-noise]
                        [--precisions int8,bf16] [--add]

Models are the default one, Gemma 3 270M, and random weights in many shapes and formats (infer_models.py); AWQ and GPTQ
are folders, which the peers do not read. The peers are llama.cpp, built from its source package, and ik_llama.cpp where
there is a build of it: --ik-llama names the folder that holds its llama-bench and llama-batched-bench, or has them in
bin/. --precisions measures tidemill once more with each of these, beside the default.

Every measurement is a fresh process. In each round every program runs once per model and thread count, and the order
turns around from round to round, so that a change of the machine's speed meets all of them. Beside reading and writing
one sequence, 16 sequences are written together; with --with-noise one is written once more while another process takes
half of one core. Every sample is kept in bench/results/infer-CPU.json (--add: beside those of earlier runs), from whose
medians scripts/readme_table.py makes the tables of README.md and docs/performance.md.
"""

import argparse
import contextlib
import json
import pathlib
import re
import subprocess
import sys

import infer_models
import measuring
from measuring import PEERS, RELEASE, ROOT, call, call_json

N_SEQUENCES = 16  # written together
BATCH_LENGTHS = ["--prompt-tokens", 32, "--gen-tokens", 32, "--batch", N_SEQUENCES]
EMBEDDINGS = ["token_embd.weight", "model.embed_tokens.weight"]  # of a GGUF and of a folder
HEADS = ["output.weight", "lm_head.weight"]
NOISE_LENGTHS = ["--prompt-tokens", 32, "--gen-tokens", 128]

# 32 tokens of Gemma's tokenizer with the <bos> in front; llama.cpp gets the ids, so that both read the same.
N_FIRST_PROMPT = 32
FIRST_PROMPT = (
    "The tide mill stood at the edge of the village, where the river met the sea, and twice a day its great wheel "
    "turned with the water. The"
)


# Computes for 5 ms and sleeps for 5 ms, over and over, on one core.
NOISE = """
import os, time
os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
while True:
    end = time.perf_counter() + 0.005
    while time.perf_counter() < end:
        pass
    time.sleep(0.005)
"""


@contextlib.contextmanager
def noise():
    process = subprocess.Popen([sys.executable, "-c", NOISE])
    try:
        yield
    finally:
        process.kill()
        process.wait()


class Tidemill:
    def reads(self, model):
        return True

    def __init__(self, precision=None):
        self.options = ["--precision", precision] if precision else []
        self.name = " ".join(["tidemill", *self.options])
        self.program = RELEASE / "tidemill"
        self.version = call(self.program, "--version").split()[-1]

    def bench(self, model, threads, lengths):
        return call_json(self.program, "bench", model, "--threads", threads, *lengths, *self.options, "--json")

    def first_token_s(self, model, threads):
        """Seconds from the start of loading to the first token."""
        answer = call_json(
            self.program, "run", model, "--prompt", FIRST_PROMPT, "-n", 1, "--temperature", 0, "--threads", threads,
            *self.options, "--json",
        )  # fmt: skip
        timings = answer["timings"]
        return (timings["load_ms"] + timings["ttft_ms"]) / 1e3


class LlamaCpp:
    name = "llama.cpp"

    def reads(self, model):
        return pathlib.Path(model).is_file()

    def __init__(self):
        self.python = PEERS / "llama-venv/bin/python"
        self.script = ROOT / "bench/peers/llama_cpp_bench.py"
        self.version = call(self.python, "-c", "import llama_cpp; print('of llama-cpp-python', llama_cpp.__version__)").strip()

    def bench(self, model, threads, arguments):
        return call_json(self.python, self.script, "--model", model, "--threads", threads, *arguments)

    def first_token_s(self, model, threads):
        line = json.dumps({"text": FIRST_PROMPT, "add_special_tokens": True})
        ids = subprocess.run(
            [RELEASE / "tidemill", "tokenize", "--tokenizer", model, "--stdin-jsonl"],
            input=line + "\n", capture_output=True, text=True, check=True,
        )  # fmt: skip
        answer = self.bench(model, threads, ["--first-token", ",".join(map(str, json.loads(ids.stdout)["ids"]))])
        return answer["load_s"] + answer["first_token_s"]


class IkLlama:
    name = "ik_llama.cpp"
    PROGRAMS = ("llama-bench", "llama-batched-bench")

    def __init__(self, build):
        self.script = ROOT / "bench/peers/ik_llama_bench.py"
        folders = [folder for folder in (build / "bin", build) if all((folder / name).is_file() for name in self.PROGRAMS)]
        if not folders:
            raise SystemExit(f"error: --ik-llama {build}: lacks one of {' and '.join(self.PROGRAMS)}; build these targets there")
        self.bin = folders[0].resolve()
        words = subprocess.run([self.bin / "llama-batched-bench", "--version"], capture_output=True, text=True, check=False).stderr
        self.version = re.search(r"version: (.*)|$", words)[1] or ""

    def reads(self, model):
        return pathlib.Path(model).is_file() and "rwkv" not in pathlib.Path(model).name  # which it does not know

    def bench(self, model, threads, arguments):
        words = ["--bin", self.bin, "--model", model, "--threads", threads, *arguments]
        return call_json(sys.executable, self.script, *words)

    def first_token_s(self, model, threads):
        return self.bench(model, threads, ["--first-token", N_FIRST_PROMPT])["first_token_s"]


def programs_for(arguments):
    programs = [Tidemill(), *map(Tidemill, filter(None, arguments.precisions.split(",")))]
    if arguments.peers:
        programs.append(LlamaCpp())
        if arguments.ik_llama:
            programs.append(IkLlama(arguments.ik_llama))
        else:
            print("ik_llama.cpp is left out: name the folder of its build with --ik-llama", file=sys.stderr)
    return programs


def sample_of(program, model, threads, arguments):
    """One measurement of everything, as field -> number."""
    lengths = ["--prompt-tokens", arguments.prompt_tokens, "--gen-tokens", arguments.gen_tokens]
    alone = program.bench(model, threads, lengths)
    sample = {field: alone[field] for field in ("prefill_tok_s", "decode_tok_s", "load_s", "peak_rss_bytes")}
    sample["batch_tok_s"] = program.bench(model, threads, BATCH_LENGTHS)["decode_tok_s"]
    if model == arguments.model:  # random weights have no tokenizer
        sample["first_token_s"] = program.first_token_s(model, threads)
    if arguments.with_noise:
        with noise():
            sample["noise_tok_s"] = program.bench(model, threads, NOISE_LENGTHS)["decode_tok_s"]
    return sample


def measure_all(programs, models, thread_counts, arguments):
    """Rows with the samples of all rounds in lists."""
    sizes = {name: sizes_of(path, arguments.prompt_tokens + arguments.gen_tokens) for name, path in models.items()}
    rows = [
        {"model": name, "program": program.name, "version": program.version, "threads": threads} | sizes[name]
        for name, path in models.items()
        for threads in thread_counts
        for program in programs
        if program.reads(path)
    ]
    by_name = {program.name: program for program in programs}
    for round_number in range(arguments.rounds):
        for row in rows if round_number % 2 == 0 else reversed(rows):
            sample = sample_of(by_name[row["program"]], models[row["model"]], row["threads"], arguments)
            for field, value in sample.items():
                row.setdefault(field, []).append(value)
            print(
                f"round {round_number + 1} of {arguments.rounds}  {row['model']:20} {row['program']:10} {row['threads']} "
                f"threads  prefill {sample['prefill_tok_s']:7.1f}  decode {sample['decode_tok_s']:6.1f}  "
                f"{N_SEQUENCES} together {sample['batch_tok_s']:7.1f} tokens/s",
                file=sys.stderr,
            )
    return rows


def merged(before, result):
    """`result` with the samples of an earlier run in front of its own; a roof is the best that was ever reached."""
    key = lambda row: (row["model"], row["program"], row["threads"])  # noqa: E731
    rows = {key(row): row for row in before["rows"]}
    for row in result["rows"]:
        samples = rows.get(key(row), {})
        for field, value in row.items():
            if isinstance(value, list):
                row[field] = samples.get(field, []) + value
        rows[key(row)] = row
    roofs = {threads: dict(row) for threads, row in before["roofs"].items()}
    for threads, row in result["roofs"].items():
        best = roofs.setdefault(threads, row)
        for field, value in row.items():
            best[field] = max(best[field], value)
    load = max(before["load_before"], result["load_before"])
    return result | {"rows": list(rows.values()), "roofs": roofs, "load_before": load}


def sizes_of(model, n_positions):
    """Of one token: bytes of every tensor once, but of an embedding that is not the output head too one row, which counts
    as nothing; multiply-adds of all matrices but the head, which only the last token of a prompt meets. Of the model: bytes
    of its files, and of the state of one sequence.
    """
    info = call_json(RELEASE / "tidemill", "info", model, "--ctx", n_positions, "--json")
    tensors = {tensor["name"]: tensor for tensor in info["tensors"]}
    ends = [name for name in (*EMBEDDINGS, *HEADS) if name in tensors]
    layers = [tensor for name, tensor in tensors.items() if name not in ends and len(tensor["shape"]) == 2]
    unread = tensors[ends[0]]["size_bytes"] if len(ends) == 2 else 0
    return {
        "weight_bytes": sum(tensor["size_bytes"] for tensor in tensors.values()) - unread,
        "layer_weights": sum(tensor["shape"][0] * tensor["shape"][1] for tensor in layers),
        "file_bytes": info["file_bytes"],
        "state_bytes": info["memory"]["state_bytes"],
    }


def parsed_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True, help="a GGUF file (./dev bench gives the default model)")
    parser.add_argument("--models", default="gemma", help="gemma (--model), or names of infer_models.py, separated by commas")
    parser.add_argument("--peers", action="store_true", help="run llama.cpp beside tidemill")
    parser.add_argument("--ik-llama", type=pathlib.Path, metavar="DIR", help="run ik_llama.cpp too: the folder of its build")
    parser.add_argument("--threads", default="1,2", help="thread counts, separated by commas")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--prompt-tokens", type=int, default=512)
    parser.add_argument("--gen-tokens", type=int, default=128)
    parser.add_argument("--precisions", default="", help="of tidemill beside the default, separated by commas: int8, bf16")
    parser.add_argument("--with-noise", action="store_true", help="also while another process takes half of one core")
    parser.add_argument("--add", action="store_true", help="keep the samples that the result file has")
    return parser.parse_args()


def main():
    arguments = parsed_arguments()
    thread_counts = [int(word) for word in arguments.threads.split(",")]
    load = measuring.load_now()
    models = {}
    for name in arguments.models.split(","):
        path = arguments.model if name == "gemma" else infer_models.make(ROOT / "build/bench-infer", name)
        models[pathlib.Path(path).name] = path
    programs = programs_for(arguments)
    roofs = call_json(RELEASE / "limits_bench", "--json", *thread_counts)
    result = {
        "benchmark": "infer",
        "prompt_tokens": arguments.prompt_tokens,
        "gen_tokens": arguments.gen_tokens,
        "n_sequences": N_SEQUENCES,
        **measuring.circumstances(load),
        "roofs": {str(row["n"]): row for row in roofs["threads"]},
        "rows": measure_all(programs, models, thread_counts, arguments),
    }
    path = measuring.path_of(result)
    if arguments.add and path.exists():
        result = merged(json.loads(path.read_text(encoding="utf-8")), result)
    measuring.show(result, keep=arguments.peers, page="the documentation")


if __name__ == "__main__":
    main()
