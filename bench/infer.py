"""Text generation, tidemill and its peers in alternation on one GGUF file.

    ./dev bench infer [--peers] [--threads 1,2] [--rounds 5] [--prompt-tokens 512] [--gen-tokens 128]

Every measurement is a fresh process. In each round every program runs once per thread count, and the order turns
around from round to round, so that a change of the machine's speed meets all of them. Medians are printed and written
to bench/results/infer-CPU.json, from which scripts/readme_table.py makes the table of README.md.
"""

import argparse
import datetime
import json
import os
import pathlib
import platform
import re
import statistics
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]
RELEASE = ROOT / "build/release"
PEERS = ROOT / "build/peers"

# 32 tokens of Gemma's tokenizer with the <bos> in front; the peer gets the ids, so that both read the same.
FIRST_PROMPT = (
    "The tide mill stood at the edge of the village, where the river met the sea, and twice a day its great wheel "
    "turned with the water. The"
)


def call(*command):
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(f"error: {command[0]}: ended with {done.returncode}: {done.stderr.strip()[-400:]}")
    return done.stdout


def call_json(*command):
    return json.loads(call(*command))


class Tidemill:
    name = "tidemill"

    def __init__(self, model, prompt_tokens, gen_tokens):
        self.program = RELEASE / "tidemill"
        self.version = call(self.program, "--version").split()[-1]
        self.model = model
        self.lengths = ["--prompt-tokens", prompt_tokens, "--gen-tokens", gen_tokens]

    def throughput(self, threads):
        return call_json(self.program, "bench", self.model, "--threads", threads, *self.lengths, "--json")

    def first_token_s(self, threads):
        """Seconds from the start of loading to the first token."""
        answer = call_json(
            self.program, "run", self.model, "--prompt", FIRST_PROMPT, "-n", 1, "--temperature", 0, "--threads", threads,
            "--json",
        )  # fmt: skip
        timings = answer["timings"]
        return (timings["load_ms"] + timings["ttft_ms"]) / 1e3


class LlamaCpp:
    name = "llama.cpp"

    def __init__(self, model, prompt_tokens, gen_tokens):
        self.python = PEERS / "llama-venv/bin/python"
        self.script = ROOT / "bench/peers/llama_cpp_bench.py"
        self.version = call(self.python, "-c", "import llama_cpp; print('of llama-cpp-python', llama_cpp.__version__)").strip()
        self.model = model
        self.lengths = ["--prompt-tokens", prompt_tokens, "--gen-tokens", gen_tokens]
        line = json.dumps({"text": FIRST_PROMPT, "add_special_tokens": True})
        ids = subprocess.run(
            [RELEASE / "tidemill", "tokenize", "--tokenizer", model, "--stdin-jsonl"],
            input=line + "\n", capture_output=True, text=True, check=True,
        )  # fmt: skip
        self.first_ids = ",".join(map(str, json.loads(ids.stdout)["ids"]))

    def measure(self, threads, *arguments):
        return call_json(self.python, self.script, "--model", self.model, "--threads", threads, *arguments)

    def throughput(self, threads):
        return self.measure(threads, *self.lengths)

    def first_token_s(self, threads):
        answer = self.measure(threads, "--first-token", self.first_ids)
        return answer["load_s"] + answer["first_token_s"]


def measure_all(programs, thread_counts, rounds):
    """(name, threads) -> list of measurements, one per round."""
    samples = {(program.name, threads): [] for program in programs for threads in thread_counts}
    for round_number in range(rounds):
        for threads in thread_counts:
            for program in programs if round_number % 2 == 0 else reversed(programs):
                sample = program.throughput(threads) | {"first_token_s": program.first_token_s(threads)}
                samples[program.name, threads].append(sample)
                print(
                    f"round {round_number + 1} of {rounds}  {program.name:10} {threads} threads  "
                    f"prefill {sample['prefill_tok_s']:7.1f}  decode {sample['decode_tok_s']:6.1f} tokens/s",
                    file=sys.stderr,
                )
    return samples


def summary(values):
    return {"median": statistics.median(values), "min": min(values), "max": max(values)}


def rows_of(programs, samples):
    fields = ["prefill_tok_s", "decode_tok_s", "load_s", "first_token_s", "peak_rss_bytes"]
    versions = {program.name: program.version for program in programs}
    return [
        {"program": name, "version": versions[name], "threads": threads}
        | {field: summary([sample[field] for sample in taken]) for field in fields}
        for (name, threads), taken in samples.items()
    ]


def machine():
    cpu = dict(re.findall(r"^(model name|cpu family|model)\s*: (.*)$", pathlib.Path("/proc/cpuinfo").read_text(), re.M))
    memory = re.search(r"MemTotal:\s*(\d+)", pathlib.Path("/proc/meminfo").read_text())
    return {
        "cpu": cpu.get("model name", platform.machine()),
        "family_model": f"{cpu.get('cpu family', '?')}/{cpu.get('model', '?')}",
        "cores": len(os.sched_getaffinity(0)),
        "memory_gb": round(int(memory[1]) / 1048576),
        "system": platform.freedesktop_os_release().get("PRETTY_NAME", platform.system()),
    }


def compiler():
    path = re.search(r"^CMAKE_CXX_COMPILER:\w+=(.*)$", (RELEASE / "CMakeCache.txt").read_text(), re.M)[1]
    return call(path, "--version").splitlines()[0]


def weight_bytes(model):
    """What one token reads: every tensor once (the embedding is the output head too)."""
    return sum(tensor["size_bytes"] for tensor in call_json(RELEASE / "tidemill", "info", model, "--json")["tensors"])


def slug_of(measured):
    return re.sub(r"[^a-z0-9]+", "-", f"{measured['cpu']} {measured['family_model']}".lower()).strip("-")


def write_result(result):
    path = ROOT / f"bench/results/infer-{slug_of(result['machine'])}.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    return path


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True, help="a GGUF file (./dev bench gives the default model)")
    parser.add_argument("--peers", action="store_true", help="run llama.cpp beside tidemill")
    parser.add_argument("--threads", default="1,2", help="thread counts, separated by commas")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--prompt-tokens", type=int, default=512)
    parser.add_argument("--gen-tokens", type=int, default=128)
    arguments = parser.parse_args()
    thread_counts = [int(word) for word in arguments.threads.split(",")]

    load = os.getloadavg()[0]
    if load > 0.5:
        print(f"warning: other programs are running (load {load:.1f}); the figures will be lower", file=sys.stderr)
    programs = [
        kind(arguments.model, arguments.prompt_tokens, arguments.gen_tokens)
        for kind in ([Tidemill, LlamaCpp] if arguments.peers else [Tidemill])
    ]
    roofs = call_json(RELEASE / "limits_bench", "--json", *thread_counts)
    samples = measure_all(programs, thread_counts, arguments.rounds)
    result = {
        "benchmark": "infer",
        "model": pathlib.Path(arguments.model).name,
        "prompt_tokens": arguments.prompt_tokens,
        "gen_tokens": arguments.gen_tokens,
        "rounds": arguments.rounds,
        "date": datetime.date.today().isoformat(),
        "commit": call("git", "-C", ROOT, "describe", "--always", "--dirty").strip(),
        "compiler": compiler(),
        "machine": machine(),
        "load_before": load,
        "weight_bytes": weight_bytes(arguments.model),
        "roofs": {str(row["n"]): row for row in roofs["threads"]},
        "rows": rows_of(programs, samples),
    }
    # A run of our own alone is for the eye; the README compares, so only a comparison is kept.
    path = write_result(result) if arguments.peers else None
    script = ROOT / "scripts/readme_table.py"
    print(subprocess.run([sys.executable, script, "--show", "-"], input=json.dumps(result), capture_output=True, text=True,
                         check=True).stdout, end="")  # fmt: skip
    if path:
        print(f"written to {path.relative_to(ROOT)}; scripts/readme_table.py puts it into README.md", file=sys.stderr)


if __name__ == "__main__":
    main()
