"""`tidemill convert` beside `cp` and `sync` of as many bytes, in alternation, into one folder.

    ./dev bench convert [--folder FOLDER] [--into FOLDER] [--rounds 7] [--json FILE]

Converts the model of --model (a GGUF) to .tmill, and --folder (a folder with one model.safetensors) to .tmill and to
.safetensors. All of them end with everything on the disk. Each round runs every program once and the order turns around
from round to round; medians are printed. The sources are in the page cache, the files made are removed each time.
"""

import argparse
import json
import os
import pathlib
import statistics
import subprocess
import tempfile
import time

from measuring import ROOT


def timed(out, n_bytes, *command):
    """Seconds that `command` takes to write `out`, which is removed; the disk has nothing else to do."""
    os.sync()
    # A virtual machine may get its free memory from the host only as it is touched, which takes longer than the copy.
    memory = b"\1" * (n_bytes + (256 << 20))
    del memory
    begin = time.perf_counter()
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False)
    seconds = time.perf_counter() - begin
    if done.returncode != 0:
        raise SystemExit(f"error: {command[0]}: ended with {done.returncode}: {done.stderr.strip()[-400:]}")
    out.unlink()
    return seconds


def measure(program, source, file, ending, into, rounds):
    """Medians of the conversion of `source` and of a copy of `file`, which holds its weights."""
    with open(file, "rb") as opened:
        while opened.read(1 << 24):
            pass
    out = into / f"tidemill-bench{ending}"
    copy = into / "tidemill-bench-copy"
    n_bytes = file.stat().st_size
    seconds = {"convert": [], "cp": []}
    for index in range(rounds):
        for name in sorted(seconds, reverse=index % 2 == 1):
            if name == "cp":
                seconds[name].append(timed(copy, n_bytes, "sh", "-c", 'cp "$1" "$2" && sync "$2"', "sh", file, copy))
            else:
                seconds[name].append(timed(out, n_bytes, program, "convert", source, out))
    return {name: statistics.median(values) for name, values in seconds.items()}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=pathlib.Path, help="a GGUF")
    parser.add_argument("--folder", type=pathlib.Path, help="a folder with model.safetensors")
    parser.add_argument("--into", type=pathlib.Path, help="where to write (a temporary folder)")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--program", default=ROOT / "build/release/tidemill")
    parser.add_argument("--json", type=pathlib.Path, help="write the numbers to this file, too")
    arguments = parser.parse_args()
    cases = []
    if arguments.model:
        cases.append((arguments.model, arguments.model, ".tmill"))
    if arguments.folder:
        weights = arguments.folder / "model.safetensors"
        cases += [(arguments.folder, weights, ".tmill"), (arguments.folder, weights, ".safetensors")]
    rows = []
    print("| from | to | MB | convert, s | cp and sync, s | share of cp's speed |\n|---|---|--:|--:|--:|--:|", flush=True)
    with tempfile.TemporaryDirectory(dir=arguments.into) as into:
        for source, file, ending in cases:
            found = measure(arguments.program, source, file, ending, pathlib.Path(into), arguments.rounds)
            share = found["cp"] / found["convert"]
            megabytes = file.stat().st_size / 1e6
            rows.append({"from": source.name, "to": ending, "megabytes": megabytes, **found, "share": share})
            print(f"| {source.name} | {ending} | {megabytes:.0f} | {found['convert']:.2f} | {found['cp']:.2f} | {share:.0%} |",
                  flush=True)  # fmt: skip
    if arguments.json:
        arguments.json.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
