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
import quantize_encoder  # noqa: E402
import quantize_peers  # noqa: E402
from captured_layers import SENTENCES, gemma_layers  # noqa: E402
from reference_quantizers import awq, gptq, output_error, rounded  # noqa: E402

PROGRAM = ROOT / "build/release/tidemill"
LAYER_TOOL = ROOT / "build/release/layer_tool"
# Of the sizes about 4.2 and 3.2 bits, and what llama.cpp has there that is no k-quant.
K_QUANTS = {4: ["Q3_K_L", "IQ4_XS"], 3: ["Q2_K", "Q3_K_S"]}
LAYER_QUANTS = ["IQ4_XS", "Q3_K_S"]
# The same for rows that hold no whole super-blocks, and what the embedding gets.
ENCODER_QUANTS = {"IQ4_XS": "iq4_nl", "Q3_K_S": "q4_0"}
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
    seen = quantize_peers.inputs_of(judge.llama, original, ids["calibration"])
    for size, kinds in K_QUANTS.items():
        for name, weights, bits in quantize_peers.references(original, seen, size):
            loss, perplexity = judge.loss(weights)
            if name.startswith("rtn"):
                print(f"  {name}: perplexity {perplexity:.3f}, {perplexity / judge.perplexity - 1:+.1%}", flush=True)
                best = best_at(bits)
            yield say("language model", name, bits, loss, best)
        for kind in kinds if has_tools else []:
            quantize_peers.k_quant(options.tools, plain, matrix, kind, folder / "peer.gguf")
            weights, bits = gguf_weights(folder / "peer.gguf", heads)
            yield say("language model", f"llama.cpp {kind}", bits, judge.loss(weights)[0], best_at(bits))


def tensors_of_gguf(path):
    """(its tensors in float32 by their names, its bits a weight)."""
    tensors, n_bytes = {}, 0
    for tensor in gguf.GGUFReader(path).tensors:
        shape = [int(n) for n in reversed(tensor.shape)]
        tensors[tensor.name] = gguf.quants.dequantize(tensor.data, tensor.tensor_type).reshape(shape).astype(np.float32)
        n_bytes += tensor.n_bytes
    return tensors, 8 * n_bytes / sum(value.size for value in tensors.values())


def ours_of_layer(method, w, x, form, group=0):
    words = [LAYER_TOOL, method, form, group, *w.shape, len(x)]
    data = w.astype("<f4").tobytes() + x.astype("<f4").tobytes()
    done = subprocess.run([str(word) for word in words], input=data, capture_output=True, check=True)
    return np.frombuffer(done.stdout, "<f4").reshape(w.shape)


def mean_error(errors):
    return float(np.exp(np.mean(np.log(errors))))


def layers_of_gemma(options, folder):
    """The relative error of the outputs of each layer on other texts than those it was fitted to: in groups of 128, and in
    what llama.cpp makes of each matrix."""
    tensors, _ = tensors_of_gguf(options.model)
    pages = " ".join((ROOT / f"docs/{name}.md").read_text() for name in ("architecture", "serving", "performance"))
    ids = told(PROGRAM, "tokenize", options.model, "--json", "--text", pages[:40_000])["ids"]
    layers = gemma_layers(tensors, [ids[begin : begin + 256] for begin in range(0, 16 * 256, 256)], GEMMA_LAYERS)
    layers = {name: (w, x[: len(x) * 3 // 4], x[len(x) * 3 // 4 :]) for name, (w, x) in layers.items()}
    for bits in (4, 3):
        sums = {}
        for w, seen, unseen in layers.values():
            methods = {
                "rtn": lambda w=w: rounded(w, bits, 128),
                "awq": lambda w=w, x=seen: awq(w, x[::4], bits, 128),
                "gptq": lambda w=w, x=seen: gptq(w, x, bits, 128),
                "gptq ordered": lambda w=w, x=seen: gptq(w, x, bits, 128, act_order=True),
                "best": lambda w=w, x=seen: ours_of_layer("best", w, x, bits, 128),
                "best_ordered": lambda w=w, x=seen: ours_of_layer("best_ordered", w, x, bits, 128),
            }
            for name, made in methods.items():
                sums.setdefault(name, []).append(output_error(w, made(), unseen))
        means = {name: mean_error(errors) for name, errors in sums.items()}
        for name in ("rtn", "awq", "gptq", "gptq ordered"):
            ours = means["best_ordered" if name.endswith("ordered") else "best"]
            yield say("Gemma's layers", f"{name} g128", bits + (16 + bits) / 128, means[name], ours)
    if not (options.tools / "llama-quantize").exists():
        return
    plain, matrix, out = folder / "layers.gguf", folder / "importance.gguf", folder / "peer.gguf"
    quantize_peers.write_importance({name: seen for name, (_, seen, _) in layers.items()}, matrix)
    quantize_peers.write_tensors({f"{name}.weight": w for name, (w, _, _) in layers.items()}, max(GEMMA_LAYERS) + 1, plain)
    for kind in LAYER_QUANTS:
        quantize_peers.k_quant(options.tools, plain, matrix, kind, out, "--pure")
        values, bits = tensors_of_gguf(out)
        types = {tensor.name: tensor.tensor_type.name.lower() for tensor in gguf.GGUFReader(out).tensors}
        theirs, ours = [], []
        for name, (w, seen, unseen) in layers.items():
            theirs.append(output_error(w, values[f"{name}.weight"], unseen))
            ours.append(output_error(w, ours_of_layer("best", w, seen, types[f"{name}.weight"]), unseen))
        yield say("Gemma's layers", f"llama.cpp {kind}", bits, mean_error(theirs), mean_error(ours))


def sentences_of_docs():
    """(to calibrate with, to compare on)."""
    pages = " ".join(path.read_text() for path in sorted((ROOT / "docs").glob("*.md")))
    sentences = [part.strip() for part in pages.replace("\n", " ").split(". ") if 30 < len(part) < 300]
    return sentences[::2], sentences[1::2][:400] + SENTENCES


def vectors_of_minilm(options, folder):
    """The mean of 1 - cosine over texts that nobody has seen."""
    learned, texts = sentences_of_docs()
    lines, out = folder / "lines.txt", folder / "best.tmill"
    lines.write_text("\n".join(learned), encoding="utf-8")
    encoder, seen = quantize_encoder.Encoder(options.minilm, texts), {}
    assert len(texts) >= 300
    original = encoder.original
    encoder.vectors(original, encoder.ids_of(learned), lambda name, x: seen.setdefault(name, x))

    def best_at(bits):
        report = told(PROGRAM, "quantize", options.minilm, out, "--json", "--bits", f"{bits:.5f}", "--calibration", lines)
        assert report["bits_per_weight"] <= bits + 1e-3, (report["bits_per_weight"], bits)
        return encoder.loss(quantize_encoder.tmill_weights(out))

    for size in (4, 3):
        best = None
        for name, weights, bits in quantize_peers.references(original, seen, size):
            best = best or best_at(bits)
            yield say("MiniLM", name, bits, encoder.loss(weights), best)
    if not (options.tools / "llama-quantize").exists():
        return
    plain, matrix = folder / "encoder.gguf", folder / "importance.gguf"
    quantize_peers.write_importance(seen, matrix)
    quantize_peers.write_tensors(original, quantize_encoder.N_LAYERS, plain)
    for kind, embedding in ENCODER_QUANTS.items():
        quantize_peers.k_quant(options.tools, plain, matrix, kind, folder / "peer.gguf", "--token-embedding-type", embedding)
        weights, bits = tensors_of_gguf(folder / "peer.gguf")
        yield say("MiniLM", f"llama.cpp {kind}", bits, encoder.loss(weights), best_at(bits))


def run(options):
    parts = {"model": language_model, "layers": layers_of_gemma, "vectors": vectors_of_minilm}
    rows = []
    with tempfile.TemporaryDirectory() as name:
        for part in options.only:
            if part != "vectors" or (options.minilm and options.minilm.exists()):
                rows += parts[part](options, pathlib.Path(name))
    return rows
