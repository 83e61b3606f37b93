"""ik_llama.cpp on one model, measured by its own programs; one JSON object on stdout, as of llama_cpp_bench.py.

    ik_llama_bench.py --bin DIR --model M --threads N --prompt-tokens 512 --gen-tokens 128
    ik_llama_bench.py --bin DIR --model M --threads N --prompt-tokens 32 --gen-tokens 32 --batch 16
    ik_llama_bench.py --bin DIR --model M --threads N --first-token N_PROMPT

DIR holds llama-bench and llama-batched-bench. Weights are repacked for the machine at load (-rtr 1), but for the first
token, which is sooner without. Its context is warm, decoding goes on behind the prompt, and nobody looks for the
greatest of its scores.
"""

import argparse
import json
import os
import pathlib
import re
import subprocess
import tempfile


def run(arguments, program, *words):
    """Output, log and peak memory of one of the programs."""
    command = [arguments.bin.resolve() / program, "-m", arguments.model.resolve(), "-t", arguments.threads, *words]
    with (
        tempfile.TemporaryDirectory() as folder,  # for the logs that they leave where they run
        tempfile.TemporaryFile("w+") as out,
        tempfile.TemporaryFile("w+") as log,
    ):
        process = subprocess.Popen(
            [str(word) for word in command], cwd=folder, stdin=subprocess.DEVNULL, stdout=out, stderr=log
        )
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        texts = []
        for file in (out, log):
            file.seek(0)
            texts.append(file.read())
    if process.returncode != 0:
        raise SystemExit(f"error: {program} of ik_llama.cpp: ended with {process.returncode}: {texts[1].strip()[-300:]}")
    return texts[0], texts[1], usage.ru_maxrss * 1024


def load_s(log):
    """Until the first token is computed, as its programs count it."""
    return float(re.search(r"load time =\s*([\d.]+) ms", log)[1]) / 1e3


def throughput(arguments):
    lengths = ["-p", arguments.prompt_tokens, "-n", 0, "-gp", f"{arguments.prompt_tokens},{arguments.gen_tokens}"]
    out, log, peak = run(arguments, "llama-bench", *lengths, "-r", 1, "-rtr", 1, "-o", "json", "-v")
    rows = json.loads(out[out.index("[") :])
    prefill = next(row for row in rows if row["n_gen"] == 0)
    decode = next(row for row in rows if row["n_gen"] > 0)
    return {
        "prefill_tok_s": prefill["avg_ts"], "decode_tok_s": decode["avg_ts"], "load_s": load_s(log),
        "peak_rss_bytes": peak, "version": prefill["build_commit"],
    }  # fmt: skip


def batched(arguments):
    n_ctx = arguments.batch * (arguments.prompt_tokens + arguments.gen_tokens)
    lengths = ["-npp", arguments.prompt_tokens, "-ntg", arguments.gen_tokens, "-npl", arguments.batch, "-c", n_ctx]
    out, log, peak = run(arguments, "llama-batched-bench", *lengths, "-rtr")
    cells = next(line for line in (out + log).splitlines() if re.match(r"\|\s*\d", line)).split("|")
    return {"decode_tok_s": float(cells[8]), "load_s": load_s(log), "peak_rss_bytes": peak}


def first_token(arguments):
    lengths = ["-p", arguments.first_token, "-n", 0, "-r", 1, "-w", 0]
    _, log, peak = run(arguments, "llama-bench", *lengths, "-o", "json", "-v")
    return {"load_s": 0.0, "first_token_s": load_s(log), "peak_rss_bytes": peak}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", type=pathlib.Path, required=True)
    parser.add_argument("--model", type=pathlib.Path, required=True)
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("--prompt-tokens", type=int, default=512)
    parser.add_argument("--gen-tokens", type=int, default=128)
    parser.add_argument("--batch", type=int, default=1, help="sequences decoded together")
    parser.add_argument("--first-token", type=int, metavar="N_PROMPT", help="tokens of the prompt")
    arguments = parser.parse_args()
    if arguments.first_token:
        result = first_token(arguments)
    elif arguments.batch > 1:
        result = batched(arguments)
    else:
        result = throughput(arguments)
    print(json.dumps(result))


if __name__ == "__main__":
    main()
