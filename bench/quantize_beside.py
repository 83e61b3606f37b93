"""Our best method beside other quantisers at equal bits: `./dev bench quantize --peers` (bench/quantize.py)."""

import json
import pathlib
import subprocess
import sys
import tempfile

import gguf
import numpy as np
import tokenizers
from measuring import ROOT
from quantize_judge import Judge, folder_weights, gguf_weights

sys.path[:0] = [str(ROOT / "bench/peers"), str(ROOT / "tests/quantize")]
import quantize_peers  # noqa: E402
from captured_layers import SENTENCES, gemma_layers  # noqa: E402
from reference_quantizers import awq, gptq, output_error, rounded  # noqa: E402

PROGRAM = ROOT / "build/release/tidemill"
LAYER_TOOL = ROOT / "build/release/layer_tool"
# Of the sizes about 4.2 and 3.2 bits, and what llama.cpp has there that is no k-quant.
K_QUANTS = {4: ["Q3_K_L", "IQ4_XS"], 3: ["Q2_K", "Q3_K_S"]}
GEMMA_LAYERS = [3, 9, 15]


def told(*words):
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(done.stderr.strip())
    return json.loads(done.stdout)


def say(what, name, bits, loss, best=None):
    ours = "" if best is None else f"   best at as many bits {best:10.6f}, {best / loss:5.3f} of it"
    print(f"{what:14} {name:24} {bits:6.3f} bits {loss:10.6f}{ours}", flush=True)
    return {"what": what, "name": name, "bits": bits, "loss": loss, "best": best}


def language_model(options, folder):
    """Mean Kullback-Leibler divergence on addresses that nobody has seen."""
    model, original = options.trained, folder_weights(options.trained)
    config = json.loads((model / "config.json").read_text())
    heads = (config["num_attention_heads"], config["num_key_value_heads"])
    tokenizer = tokenizers.Tokenizer.from_file(str(model / "tokenizer.json"))
    ids = {name: tokenizer.encode((model / f"{name}.txt").read_text()).ids for name in ("calibration", "eval")}
    judge = Judge(model, original, ids["eval"])
    plain = folder / "plain.gguf"
    subprocess.run([PROGRAM, "convert", model, plain, "--dtype", "f32"], check=True, capture_output=True)
    print(f"perplexity {judge.perplexity:.3f}; of round-to-nearest at 3 bits:", flush=True)

    def best_at(bits):
        out = folder / "best.gguf"
        told(PROGRAM, "quantize", plain, out, "--json", "--bits", f"{bits:.5f}", "--calibration", model / "calibration.txt")
        weights, found = gguf_weights(out, heads)
        assert found <= bits + 1e-3, (found, bits)
        return judge.loss(weights)[0]

    matrix = folder / "importance.gguf"
    has_tools = (options.tools / "llama-quantize").exists()
    if has_tools:
        quantize_peers.importance_matrix(options.tools, plain, model / "calibration.txt", matrix)
    for size, kinds in K_QUANTS.items():
        for name, weights, bits in quantize_peers.references(judge.llama, original, ids["calibration"], size):
            loss, perplexity = judge.loss(weights)
            if name.startswith("rtn"):
                print(f"  {name}: perplexity {perplexity:.3f}, {perplexity / judge.perplexity - 1:+.1%}", flush=True)
                best = best_at(bits)
            yield say("language model", name, bits, loss, best)
        for kind in kinds if has_tools else []:
            quantize_peers.k_quant(options.tools, plain, matrix, kind, folder / "peer.gguf")
            weights, bits = gguf_weights(folder / "peer.gguf", heads)
            yield say("language model", f"llama.cpp {kind}", bits, judge.loss(weights)[0], best_at(bits))


def ours_of_layer(method, w, x, bits, group):
    words = [LAYER_TOOL, method, bits, group, *w.shape, len(x)]
    data = w.astype("<f4").tobytes() + x.astype("<f4").tobytes()
    done = subprocess.run([str(word) for word in words], input=data, capture_output=True, check=True)
    return np.frombuffer(done.stdout, "<f4").reshape(w.shape)


def layers_of_gemma(options, _):
    """The relative error of the outputs of each layer, in groups of 128, on other texts than those it was fitted to."""
    tensors = {}
    for tensor in gguf.GGUFReader(options.model).tensors:
        shape = [int(n) for n in reversed(tensor.shape)]
        tensors[tensor.name] = gguf.quants.dequantize(tensor.data, tensor.tensor_type).reshape(shape).astype(np.float32)
    pages = " ".join((ROOT / f"docs/{name}.md").read_text() for name in ("architecture", "serving", "performance"))
    ids = told(PROGRAM, "tokenize", options.model, "--json", "--text", pages[:40_000])["ids"]
    layers = gemma_layers(tensors, [ids[begin : begin + 256] for begin in range(0, 16 * 256, 256)], GEMMA_LAYERS)
    for bits in (4, 3):
        sums = {}
        for w, x in layers.values():
            seen, unseen = x[: len(x) * 3 // 4], x[len(x) * 3 // 4 :]
            methods = {
                "rtn": lambda w=w: rounded(w, bits, 128),
                "awq": lambda w=w, x=seen: awq(w, x[::4], bits, 128),
                "gptq": lambda w=w, x=seen: gptq(w, x, bits, 128),
                "gptq ordered": lambda w=w, x=seen: gptq(w, x, bits, 128, act_order=True),
                "best": lambda w=w, x=seen: ours_of_layer("best", w, x, bits, 128),
            }
            for name, made in methods.items():
                sums.setdefault(name, []).append(output_error(w, made(), unseen))
        means = {name: float(np.exp(np.mean(np.log(errors)))) for name, errors in sums.items()}
        for name in ("rtn", "awq", "gptq", "gptq ordered"):
            yield say("Gemma's layers", f"{name} g128", bits + (16 + bits) / 128, means[name], means["best"])


def vectors_of_minilm(options, folder):
    """The mean of 1 - cosine over texts, by the program itself, for all methods of ours."""
    lines = folder / "lines.txt"
    pages = " ".join(path.read_text() for path in sorted((ROOT / "docs").glob("*.md")))
    sentences = [part.strip() for part in pages.replace("\n", " ").split(". ") if 30 < len(part) < 300]
    lines.write_text("\n".join(sentences[::2]), encoding="utf-8")
    texts = folder / "texts.txt"
    texts.write_text("\n".join(sentences[1::2][:400] + SENTENCES), encoding="utf-8")
    for kind in ("iq4_nl", "q4_g128"):
        out, losses, bits = folder / "out.tmill", {}, 0.0
        for method in ("rtn", "awq", "gptq", "best"):
            size = ["--bits", f"{bits:.6f}"] if method == "best" else ["--type", kind]
            words = ["--method", method, "--eval", texts] + ([] if method == "rtn" else ["--calibration", lines])
            report = told(PROGRAM, "quantize", options.minilm, out, "--json", *size, *words)
            assert report["eval"]["answers"] >= 300
            bits, losses[method] = max(bits, report["bits_per_weight"]), report["eval"]["one_less_cosine"]
        for method in ("rtn", "awq", "gptq"):
            yield say("MiniLM", f"{method} {kind}", bits, losses[method], losses["best"])


def run(options):
    parts = {"model": language_model, "layers": layers_of_gemma, "vectors": vectors_of_minilm}
    rows = []
    with tempfile.TemporaryDirectory() as name:
        for part in options.only:
            if part != "vectors" or (options.minilm and options.minilm.exists()):
                rows += parts[part](options, pathlib.Path(name))
    return rows
