"""From the start to the first token of a folder of safetensors with about a gigabyte, in the page cache.

    ./dev bench load [--dtypes F32,F16,BF16] [--tokenizer FILE] [--threads 1,2] [--rounds 5] [--program FILE ...]

Makes random weights in the shape of a Llama in build/bench-load. Each measurement is a fresh process that loads the folder
and reads a prompt of 32 tokens; in each round every program (--program: two builds, to compare them) runs once per format
and thread count, and the order turns around from round to round. Medians and the best are printed: a virtual machine may
get its free memory from the host only as it is touched, which takes longer than the loading, so that the best says more
about the program. With --tokenizer (a tokenizer.json) the vocabulary is read, too, and is as large as that.
"""

import argparse
import json
import pathlib
import shutil
import statistics
import struct

import numpy as np
from measuring import RELEASE, ROOT, call_json

D_MODEL, D_FF, N_HEADS = 1024, 3072, 8
GIGABYTE = 10**9
PROMPT_TOKENS = 32
DTYPES = {"F32": 4, "F16": 2, "BF16": 2}  # bytes of an element


def shapes_of(n_layers, vocab_size):
    shapes = {"model.embed_tokens.weight": (vocab_size, D_MODEL), "model.norm.weight": (D_MODEL,)}
    for layer in range(n_layers):
        of = f"model.layers.{layer}."
        shapes |= {f"{of}self_attn.{name}_proj.weight": (D_MODEL, D_MODEL) for name in "qkvo"}
        shapes |= {f"{of}mlp.{name}_proj.weight": (D_FF, D_MODEL) for name in ("gate", "up")}
        shapes[f"{of}mlp.down_proj.weight"] = (D_MODEL, D_FF)
        shapes |= {f"{of}{name}_layernorm.weight": (D_MODEL,) for name in ("input", "post_attention")}
    return shapes


def random_bytes(dtype):
    numbers = (np.random.default_rng(1).standard_normal(1 << 20) * 0.02).astype(np.float32)
    if dtype == "BF16":
        return (numbers.view(np.uint32) >> 16).astype(np.uint16).tobytes()
    return numbers.astype({"F32": np.float32, "F16": np.float16}[dtype]).tobytes()


def make(folder, dtype, tokenizer):
    """The folder, made when it is not there: as many layers as a gigabyte has room for."""
    if (folder / "config.json").exists():
        return folder
    vocab_size = 32000
    folder.mkdir(parents=True, exist_ok=True)
    if tokenizer:
        shutil.copy(tokenizer, folder / "tokenizer.json")
        known = json.loads(tokenizer.read_text(encoding="utf-8"))
        vocab_size = len(known["model"]["vocab"]) + len(known["added_tokens"])
    of_layer = DTYPES[dtype] * (4 * D_MODEL * D_MODEL + 3 * D_MODEL * D_FF)
    n_layers = max(1, round((GIGABYTE - DTYPES[dtype] * vocab_size * D_MODEL) / of_layer))
    header, end = {}, 0
    for name, shape in shapes_of(n_layers, vocab_size).items():
        begin, end = end, end + DTYPES[dtype] * int(np.prod(shape))
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    some = random_bytes(dtype)
    with open(folder / "model.safetensors", "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for at in range(0, end, len(some)):
            file.write(some[: end - at])
    config = {
        "architectures": ["LlamaForCausalLM"], "hidden_size": D_MODEL, "intermediate_size": D_FF,
        "num_hidden_layers": n_layers, "num_attention_heads": N_HEADS, "num_key_value_heads": N_HEADS, "vocab_size": vocab_size,
        "max_position_embeddings": 4096, "rms_norm_eps": 1e-5, "tie_word_embeddings": True,
    }  # fmt: skip
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    return folder


def first_token_s(program, folder, threads):
    lengths = ["--prompt-tokens", PROMPT_TOKENS, "--gen-tokens", 1]
    answer = call_json(program, "bench", folder, "--threads", threads, *lengths, "--json")
    return answer["load_s"] + PROMPT_TOKENS / answer["prefill_tok_s"]


def read_whole(path):
    with open(path, "rb") as file:
        while file.read(1 << 24):
            pass


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dtypes", default="F32,F16,BF16")
    parser.add_argument("--tokenizer", type=pathlib.Path, help="a tokenizer.json that goes with the weights")
    parser.add_argument("--threads", default="1,2", help="thread counts, separated by commas")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--program", action="append", help="a tidemill to measure (that of build/release)")
    arguments = parser.parse_args()
    programs = arguments.program or [RELEASE / "tidemill"]
    print("| weights | MB | threads | program | first token, s | best |\n|---|--:|--:|---|--:|--:|", flush=True)
    for dtype in arguments.dtypes.split(","):
        name = dtype.lower() + ("-with-tokenizer" if arguments.tokenizer else "")
        folder = make(ROOT / "build/bench-load" / name, dtype, arguments.tokenizer)
        weights = folder / "model.safetensors"
        read_whole(weights)
        for threads in arguments.threads.split(","):
            seconds = {program: [] for program in programs}
            for index in range(arguments.rounds):
                for program in reversed(programs) if index % 2 else programs:
                    seconds[program].append(first_token_s(program, folder, threads))
            for program, found in seconds.items():
                print(f"| {dtype} | {weights.stat().st_size / 1e6:.0f} | {threads} | {pathlib.Path(program).name} | "
                      f"{statistics.median(found):.2f} | {min(found):.2f} |", flush=True)  # fmt: skip


if __name__ == "__main__":
    main()
