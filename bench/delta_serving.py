"""What fine-tunes over one base cost: memory, the time of a switch, and the throughput of many texts of several of them.

    ./dev bench delta_serving [--model FILE.gguf] [--share 0.05] [--threads 1] [--only memory|switch|streams]

Makes fine-tunes of a GGUF by a rule (a share of the codes of every Q8_0 tensor, one step up or down), their deltas, and serves
them. Prints one JSON object.

    memory    peak resident memory of a server after a text of the base, and after texts of two fine-tunes as well
    switch    time to the first token of a fine-tune that nobody has asked yet, of one that has been asked before, and the
              time of decoding and packing the tensors that it changes (Engine::apply_deltas less the checks) is the
              server's first text less a later one
    streams   tokens a second of 16 texts at once, all of the base, of one fine-tune, and of four
"""

import argparse
import concurrent.futures
import json
import pathlib
import re
import statistics
import subprocess
import sys
import tempfile
import time

import gguf
import numpy as np

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests/serve"))
from server import serving  # noqa: E402


class Program:
    program = ROOT / "build/release/tidemill"


def make_tuned(base, out, share, seed):
    content = np.fromfile(base, np.uint8)
    rng = np.random.default_rng(seed)
    for tensor in gguf.GGUFReader(base).tensors:
        if tensor.tensor_type != gguf.GGMLQuantizationType.Q8_0:
            continue
        begin, n = tensor.data_offset, int(tensor.n_bytes)
        codes = content[begin : begin + n].reshape(-1, 34)[:, 2:].view(np.int8)
        changed = rng.random(codes.shape, np.float32) < share
        step = np.where(rng.integers(0, 2, codes.shape, np.int8) == 1, 1, -1).astype(np.int8)
        codes[changed & (np.abs(codes) < 127)] += step[changed & (np.abs(codes) < 127)]
    content.tofile(out)


def peak_bytes(server):
    status = pathlib.Path(f"/proc/{server.process.pid}/status").read_text()
    return int(re.search(r"VmHWM:\s+(\d+)", status)[1]) * 1024


def first_token_ms(server, model):
    begin = time.perf_counter()
    server.complete(model=model, prompt="The tide mill", max_tokens=1, temperature=0)
    return (time.perf_counter() - begin) * 1e3


def room_for_one(base):
    return "--delta-memory-mib", str(base.stat().st_size >> 20)


def memory(base, deltas, threads):
    result = {}
    for name, more in [("base", []), ("base and two fine-tunes", deltas[:2])]:
        options = [part for index, delta in enumerate(more) for part in ("--delta", f"d{index}={delta}")]
        with serving(Program, "--model", f"base={base}", *options, "--threads", threads, "--ctx", "512",
                     "--max-running", "2", "--prefix-cache-mib", "0", *room_for_one(base)) as server:  # fmt: skip
            for model in ["base", *(f"d{index}" for index in range(len(more)))]:
                server.complete(model=model, prompt="The tide mill", max_tokens=4, temperature=0)
            result[name] = peak_bytes(server)
    return result


def switch(base, deltas, threads):
    cold, warm = [], []
    with serving(Program, "--model", f"base={base}", *(part for index, delta in enumerate(deltas) for part in ("--delta", f"d{index}={delta}")),
                 "--threads", threads, "--ctx", "512", "--prefix-cache-mib", "0", *room_for_one(base)) as server:  # fmt: skip
        first_token_ms(server, "base")
        base_ms = statistics.median(first_token_ms(server, "base") for _ in range(5))
        for index in [*range(len(deltas))] * 2:  # each drops the one before: there is room for one
            cold.append(first_token_ms(server, f"d{index}"))
            warm.append(statistics.median(first_token_ms(server, f"d{index}") for _ in range(3)))
    return {"base_ms": base_ms, "cold_ms": statistics.median(cold), "warm_ms": statistics.median(warm)}


def apply_ms(base, delta, threads):
    """Of `delta apply` into memory: what restoring the file takes, without hashes of the base."""
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        begin = time.perf_counter()
        subprocess.run([Program.program, "delta", "apply", base, delta, f"{folder}/out.gguf", "--threads", threads],
                       check=True, stderr=subprocess.DEVNULL)  # fmt: skip
        return (time.perf_counter() - begin) * 1e3


def streams(base, deltas, threads, n_tokens=48):
    result = {}
    with serving(Program, "--model", f"base={base}", *(part for index, delta in enumerate(deltas) for part in ("--delta", f"d{index}={delta}")),
                 "--threads", threads, "--ctx", "512", "--max-running", "16", "--speculate", "0", "--prefix-cache-mib", "0",
                 "--delta-memory-mib", "4096") as server:  # fmt: skip
        names = [f"d{index}" for index in range(len(deltas))]
        for kind, models in [("base", ["base"]), ("1 fine-tune", names[:1]), ("2 fine-tunes", names[:2]), ("4 fine-tunes", names[:4])]:
            asked = (models * 16)[:16]
            for model in set(models):
                server.complete(model=model, prompt="warm", max_tokens=2)
            with concurrent.futures.ThreadPoolExecutor(16) as pool:
                begin = time.perf_counter()
                done = list(pool.map(lambda model: server.complete(model=model, prompt="The tide mill", max_tokens=n_tokens,
                                                                   temperature=0, ignore_eos=True), asked))  # fmt: skip
                seconds = time.perf_counter() - begin
            result[kind] = sum(answer["usage"]["completion_tokens"] for answer in done) / seconds
    return result


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=pathlib.Path, default=pathlib.Path.home() / ".cache/tidemill/models/gemma3-270m.gguf")
    parser.add_argument("--share", type=float, default=0.05)
    parser.add_argument("--threads", default="1")
    parser.add_argument("--out", type=pathlib.Path, default=ROOT / "build/delta-serving")
    parser.add_argument("--only", choices=["make", "memory", "switch", "streams"])
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    deltas = [arguments.out / f"d{seed}.tmdelta" for seed in range(4)]
    for seed, delta in enumerate(deltas):
        if delta.exists():
            continue
        make_tuned(arguments.model, arguments.out / "tuned.gguf", arguments.share, seed)
        subprocess.run([Program.program, "delta", "make", arguments.model, arguments.out / "tuned.gguf", delta], check=True)
        (arguments.out / "tuned.gguf").unlink()
    result = {"delta_bytes": [delta.stat().st_size for delta in deltas]}
    if arguments.only in (None, "memory"):
        result["memory"] = memory(arguments.model, deltas, arguments.threads)
    if arguments.only in (None, "switch"):
        result["switch"] = switch(arguments.model, deltas[:2], arguments.threads)
        result["switch"]["apply_ms"] = statistics.median(apply_ms(arguments.model, deltas[0], arguments.threads) for _ in range(3))
    if arguments.only in (None, "streams"):
        result["streams"] = streams(arguments.model, deltas, arguments.threads)
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
