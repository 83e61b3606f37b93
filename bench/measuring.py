"""What the benchmarks that compare programs share: where things lie, on what was measured, and how a result is shown and
kept. Needs nothing but Python itself.
"""

import datetime
import json
import os
import pathlib
import platform
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]
RELEASE = ROOT / "build/release"
PEERS = ROOT / "build/peers"


def call(*command):
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(f"error: {command[0]}: ended with {done.returncode}: {done.stderr.strip()[-400:]}")
    return done.stdout


def call_json(*command):
    return json.loads(call(*command))


def load_now():
    """The load of the machine before anything is measured; says so when others are at work."""
    load = os.getloadavg()[0]
    if load > 0.5:
        print(f"warning: other programs are running (load {load:.1f}); the figures will be lower", file=sys.stderr)
    return load


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


def circumstances(load):
    """The part of a result that says when, on what and of what it is; `load` is load_now() of before."""
    return {
        "date": datetime.date.today().isoformat(),
        "commit": call("git", "-C", ROOT, "describe", "--always", "--dirty").strip(),
        "compiler": compiler(),
        "machine": machine(),
        "load_before": load,
    }


def path_of(result):
    """Where a result is kept: a file for each benchmark, kind of processor and `size` of what is not measured at its usual
    one.
    """
    cpu = f"{result['machine']['cpu']} {result['machine']['family_model']}"
    slug = re.sub(r"[^a-z0-9]+", "-", cpu.lower()).strip("-")
    size = f"_{result['size']}" if "size" in result else ""
    return ROOT / f"bench/results/{result['benchmark']}-{slug}{size}.json"


def show(result, *, keep, page):
    """Prints the table of a result. A run of our own alone is for the eye; the documentation compares, so only a comparison
    is kept, for the table in `page`.
    """
    if keep:
        path = path_of(result)
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
        print(f"written to {path.relative_to(ROOT)}; scripts/readme_table.py puts it into {page}", file=sys.stderr)
    script = ROOT / "scripts/readme_table.py"
    table = subprocess.run([sys.executable, script, "--show", "-"], input=json.dumps(result), capture_output=True, text=True, check=True)
    print(table.stdout, end="")
