"""rwkv.cpp on one model, measured as `tidemill bench` does; one JSON object on stdout.

    rwkv_cpp_bench.py --library librwkv.so --model M --threads N --prompt-tokens 512 --gen-tokens 256
    rwkv_cpp_bench.py --library librwkv.so --model M --threads N --logits IDS
    rwkv_cpp_bench.py --library librwkv.so --model M --quantize Q4_0 --to FILE

The first form gives prefill_tok_s, decode_tok_s (after the prompt, greedy), load_s and peak_rss_bytes of a context that is
warm: its graphs are built. The prompt is read in chunks of 64 tokens, the most that rwkv.cpp advises, and as one sequence;
the faster counts, whose length is named as chunk. The second gives the scores behind the ids, read as one sequence and one
by one. The C API is called directly: Python costs one call per token. What the interpreter itself holds before the model
is loaded is taken off the peak.
"""

import argparse
import ctypes
import json
import pathlib
import time

import numpy as np

CHUNK = 64
CONTEXT, FLOATS, IDS = ctypes.c_void_p, ctypes.POINTER(ctypes.c_float), ctypes.POINTER(ctypes.c_uint32)
FUNCTIONS = {  # result, arguments
    "rwkv_init_from_file": (CONTEXT, ctypes.c_char_p, ctypes.c_uint32, ctypes.c_uint32),
    "rwkv_eval": (ctypes.c_bool, CONTEXT, ctypes.c_uint32, FLOATS, FLOATS, FLOATS),
    "rwkv_eval_sequence_in_chunks": (
        ctypes.c_bool, CONTEXT, IDS, ctypes.c_size_t, ctypes.c_size_t, FLOATS, FLOATS, FLOATS,
    ),
    "rwkv_get_state_len": (ctypes.c_size_t, CONTEXT),
    "rwkv_get_logits_len": (ctypes.c_size_t, CONTEXT),
    "rwkv_quantize_model_file": (ctypes.c_bool, ctypes.c_char_p, ctypes.c_char_p, ctypes.c_char_p),
}  # fmt: skip


def status_bytes(field):
    with open("/proc/self/status", encoding="ascii") as status:
        return next(int(line.split()[1]) * 1024 for line in status if line.startswith(field))


def loaded(path):
    library = ctypes.CDLL(str(path))
    for name, (result, *arguments) in FUNCTIONS.items():
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
    return library


class Peer:
    """A loaded model with the state and the scores of one sequence."""

    def __init__(self, library, path, threads):
        start = time.perf_counter()
        self.library = library
        self.context = library.rwkv_init_from_file(str(path).encode(), threads, 0)
        if not self.context:
            raise SystemExit(f"error: {path}: rwkv.cpp cannot load it; is it a file in its format?")
        self.state = np.zeros(library.rwkv_get_state_len(self.context), np.float32)  # as a text begins
        self.logits = np.zeros(library.rwkv_get_logits_len(self.context), np.float32)
        self.load_s = time.perf_counter() - start

    def forget(self):
        self.state[:] = 0

    def outputs(self):
        state, logits = (array.ctypes.data_as(FLOATS) for array in (self.state, self.logits))
        return state, state, logits  # the state that it reads, and where it puts the next one

    def append(self, ids, chunk):
        """Feeds the ids in chunks and returns the greatest next token."""
        tokens = (ctypes.c_uint32 * len(ids))(*ids)
        if not self.library.rwkv_eval_sequence_in_chunks(self.context, tokens, len(ids), chunk, *self.outputs()):
            raise SystemExit("error: rwkv.cpp: rwkv_eval_sequence_in_chunks failed; is the chunk too long?")
        return int(self.logits.argmax())

    def append_one(self, token):
        if not self.library.rwkv_eval(self.context, token, *self.outputs()):
            raise SystemExit("error: rwkv.cpp: rwkv_eval failed; is the id in its vocabulary?")
        return int(self.logits.argmax())


def seconds_of(action):
    start = time.perf_counter()
    result = action()
    return time.perf_counter() - start, result


def prefill(peer, ids, chunk):
    peer.append(ids[:chunk], chunk)  # warm-up: its graph is built
    peer.forget()
    return seconds_of(lambda: peer.append(ids, chunk))


def throughput(peer, n_prompt, n_gen):
    ids = [(index * 7919 + 13) % len(peer.logits) for index in range(n_prompt)]
    peer.append_one(1)
    prefills = {chunk: prefill(peer, ids, chunk) for chunk in {min(CHUNK, n_prompt), n_prompt}}
    chunk = min(prefills, key=lambda chunk: prefills[chunk][0])
    prefill_s, token = prefills[chunk]

    def generate():
        following = token
        for _ in range(n_gen):
            following = peer.append_one(following)

    decode_s, _ = seconds_of(generate)
    return {"prefill_tok_s": n_prompt / prefill_s, "chunk": chunk, "decode_tok_s": n_gen / decode_s}


def scores(peer, ids):
    peer.append(ids, len(ids))
    together = peer.logits.tolist()
    peer.forget()
    for token in ids:
        peer.append_one(token)
    return {"together": together, "one_by_one": peer.logits.tolist()}


def quantize(library, arguments):
    paths = (str(arguments.model).encode(), str(arguments.to).encode())
    if not library.rwkv_quantize_model_file(*paths, arguments.quantize.encode()):
        raise SystemExit(f"error: {arguments.model}: rwkv.cpp cannot quantise it to {arguments.quantize}")
    return {"file_bytes": arguments.to.stat().st_size}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--library", type=pathlib.Path, required=True)
    parser.add_argument("--model", type=pathlib.Path, required=True)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--prompt-tokens", type=int, default=512)
    parser.add_argument("--gen-tokens", type=int, default=256)
    parser.add_argument("--logits", metavar="IDS", help="token ids separated by commas, at least two")
    parser.add_argument("--quantize", metavar="FORMAT", help="Q8_0, Q4_0, ...")
    parser.add_argument("--to", type=pathlib.Path, metavar="FILE", help="what --quantize writes")
    arguments = parser.parse_args()

    library = loaded(arguments.library.resolve())
    if arguments.quantize:
        print(json.dumps(quantize(library, arguments)))
        return
    interpreter_bytes = status_bytes("VmRSS")
    peer = Peer(library, arguments.model, arguments.threads)
    if arguments.logits:
        result = scores(peer, [int(word) for word in arguments.logits.split(",")])
    else:
        result = throughput(peer, arguments.prompt_tokens, arguments.gen_tokens)
        result |= {"load_s": peer.load_s, "peak_rss_bytes": status_bytes("VmHWM") - interpreter_bytes}
    print(json.dumps(result))


if __name__ == "__main__":
    main()
