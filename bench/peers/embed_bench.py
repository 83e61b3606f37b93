"""One engine over all-MiniLM-L6-v2: milliseconds for a batch of texts in each cell; one JSON object on stdout.

    embed_bench.py --program onnxruntime|onnxruntime-int8|openvino|pytorch --models FOLDER --model MODEL --threads N --cells 1x16,8x128

MODEL is the folder of sentence-transformers, FOLDER what embed_models.py made. Each cell is BATCHxTOKENS: texts of random
ids without padding, to vectors of length 1, means over the tokens.
"""

import argparse
import json
import pathlib
import statistics
import time

import numpy as np

LEAST_SECONDS = 0.3  # of a cell
LEAST_RUNS = 3


def mean_of(hidden):
    means = hidden.mean(axis=1)
    return means / np.linalg.norm(means, axis=1, keepdims=True)


def onnxruntime(arguments, file):
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.intra_op_num_threads = arguments.threads
    options.inter_op_num_threads = 1
    session = ort.InferenceSession(str(arguments.models / file), options, providers=["CPUExecutionProvider"])
    kinds = {entry.name: np.int32 if "int32" in entry.type else np.int64 for entry in session.get_inputs()}

    def embed(ids):
        ones = np.ones_like(ids)
        values = {"input_ids": ids, "attention_mask": ones, "token_type_ids": ones * 0}
        return mean_of(session.run(None, {name: values[name].astype(kind) for name, kind in kinds.items()})[0])

    return embed, ort.__version__


def openvino(arguments):
    import openvino as ov

    # Without the hint it would compute in bf16 where the processor has it.
    options = {"INFERENCE_NUM_THREADS": arguments.threads, "INFERENCE_PRECISION_HINT": "f32", "PERFORMANCE_HINT": "LATENCY"}
    compiled = ov.Core().compile_model(str(arguments.models / "model.onnx"), "CPU", options)
    request = compiled.create_infer_request()

    def embed(ids):
        ones = np.ones_like(ids)
        return mean_of(next(iter(request.infer({"input_ids": ids, "attention_mask": ones, "token_type_ids": ones * 0}).values())))

    return embed, ov.__version__.split("-")[0]


def pytorch(arguments):
    import sentence_transformers
    import torch

    torch.set_num_threads(arguments.threads)
    model = sentence_transformers.SentenceTransformer(arguments.model, device="cpu").eval()

    def embed(ids):
        ids = torch.from_numpy(ids)
        features = {"input_ids": ids, "attention_mask": torch.ones_like(ids), "token_type_ids": torch.zeros_like(ids)}
        with torch.inference_mode():
            return model(features)["sentence_embedding"].numpy()

    return embed, f"{torch.__version__} with sentence-transformers {sentence_transformers.__version__}"


PROGRAMS = {
    "onnxruntime": lambda arguments: onnxruntime(arguments, "model-fused.onnx"),
    "onnxruntime-int8": lambda arguments: onnxruntime(arguments, "model-int8.onnx"),
    "openvino": openvino,
    "pytorch": pytorch,
}


def measure(embed, batch, tokens):
    """The median of several runs after one that warms up."""
    rng = np.random.default_rng(1)
    ids = rng.integers(1000, 30000, (batch, tokens), dtype=np.int64)
    embed(ids)
    times = []
    while sum(times) < LEAST_SECONDS or len(times) < LEAST_RUNS:
        start = time.perf_counter()
        embed(ids)
        times.append(time.perf_counter() - start)
    return statistics.median(times) * 1e3


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", choices=PROGRAMS, required=True)
    parser.add_argument("--models", type=pathlib.Path, required=True)
    parser.add_argument("--model", required=True)
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("--cells", required=True)
    arguments = parser.parse_args()
    embed, version = PROGRAMS[arguments.program](arguments)
    cells = {cell: measure(embed, *map(int, cell.split("x"))) for cell in arguments.cells.split(",")}
    print(json.dumps({"version": version, "ms": cells}))


if __name__ == "__main__":
    main()
