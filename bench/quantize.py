"""`tidemill quantize` by every method at the same size, and what each loses.

    ./dev bench quantize [--model MODEL] [--types iq4_xs q3_k] [--calibration TEXT] [--eval TEXT] [--ending .gguf] [--json FILE]
    ./dev bench quantize --peers [--only model layers vectors] [--json FILE]

For each format the model is quantised by rounding, AWQ and error feedback, and by the best method at as many bits as that
gave.  The texts are the project's own pages unless others are named: every second one to calibrate, of the others the
beginning to compare on.  The files made are removed.

With --peers the best method beside the papers' round-to-nearest, AWQ and GPTQ in NumPy and llama.cpp's k-quants with an
importance matrix, at as many bits as each of them takes: on a language model trained for it (quantize_model.py; the
Kullback-Leibler divergence), on layers of Gemma 3 270M with what enters them (the relative error of outputs), and on
all-MiniLM-L6-v2 (the mean of 1 - cosine).
"""

import argparse
import json
import pathlib
import resource
import subprocess
import tempfile

import measuring
from measuring import ROOT

METHODS = ["rtn", "awq", "gptq", "best"]
PARTS = ["model", "layers", "vectors"]  # of the comparison with others
EVAL_BYTES = 12_000


def own_texts(folder):
    pages = sorted((ROOT / "docs").glob("*.md"))
    calibration, evaluation = folder / "calibration.txt", folder / "eval.txt"
    calibration.write_text("\n".join(page.read_text(encoding="utf-8") for page in pages[::2]), encoding="utf-8")
    others = "\n".join(page.read_text(encoding="utf-8") for page in pages[1::2])
    evaluation.write_text(others[:EVAL_BYTES], encoding="utf-8")
    return calibration, evaluation


def quantized(program, model, out, calibration, evaluation, *flags):
    command = [program, "quantize", model, out, "--json", "--eval", evaluation, *flags]
    if "rtn" not in flags:
        command += ["--calibration", calibration]
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(done.stderr.strip())
    out.unlink()
    return json.loads(done.stdout)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True)
    parser.add_argument("--types", nargs="+", default=["iq4_xs", "q3_k"])
    parser.add_argument("--calibration", type=pathlib.Path)
    parser.add_argument("--eval", type=pathlib.Path)
    parser.add_argument("--ending", default=".gguf")
    parser.add_argument("--json", type=pathlib.Path)
    parser.add_argument("--peers", action="store_true")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=PARTS)
    parser.add_argument("--minilm", type=pathlib.Path)
    parser.add_argument("--tools", type=pathlib.Path, default=ROOT / "build/peers")
    parser.add_argument("--trained", type=pathlib.Path, default=ROOT / "build/quantize-model")
    options = parser.parse_args()
    if options.peers:
        import quantize_beside

        load = measuring.load_now()
        result = {"benchmark": "quantize", "rows": quantize_beside.run(options)} | measuring.circumstances(load)
        if options.json:
            options.json.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
        measuring.show(result, keep=len(options.only) == len(PARTS), page="docs/quantization.md")
        return
    program = ROOT / "build/release/tidemill"
    rows = []
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        calibration, evaluation = own_texts(folder)
        texts = options.calibration or calibration, options.eval or evaluation
        print(f"{'format':8} {'method':6} {'bits':>6} {'loss':>10} {'seconds':>8}")
        for dtype in options.types:
            bits = 0.0
            for method in METHODS:
                size = ["--bits", f"{bits:.6f}"] if method == "best" else ["--type", dtype]
                told = quantized(program, options.model, folder / f"out{options.ending}", *texts, "--method", method, *size)
                bits = max(bits, told["bits_per_weight"])
                loss = told["eval"].get("kl_divergence", told["eval"].get("one_less_cosine"))
                rows.append({"format": dtype, "method": method, "bits": told["bits_per_weight"], "loss": loss,
                             "seconds": told["seconds"]})  # fmt: skip
                print(f"{dtype:8} {method:6} {told['bits_per_weight']:6.3f} {loss:10.6f} {told['seconds']:8.1f}")
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024
    print(f"peak memory of one run {peak / 1e9:.2f} GB, comparison included")
    if options.json:
        options.json.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
