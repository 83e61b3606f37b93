"""llama.cpp on one model, measured as its own llama-bench does; one JSON object on stdout.

    llama_cpp_bench.py --model M --threads N --prompt-tokens 512 --gen-tokens 128
    llama_cpp_bench.py --model M --threads N --prompt-tokens 32 --gen-tokens 32 --batch 16
    llama_cpp_bench.py --model M --threads N --first-token IDS

The first form gives prefill_tok_s and decode_tok_s (after the prompt, greedy) of a warm context, load_s and
peak_rss_bytes; the second decode_tok_s of sequences decoded together, all of them counted; the third loads the model and gives load_s and first_token_s of a prompt with no warm-up. The C API
is called directly: Python costs one call per token. What the interpreter itself holds before the model is loaded is
taken off the peak.
"""

import argparse
import ctypes
import json
import time

import llama_cpp
import numpy as np


def status_bytes(field):
    with open("/proc/self/status", encoding="ascii") as status:
        return next(int(line.split()[1]) * 1024 for line in status if line.startswith(field))


@llama_cpp.llama_log_callback
def silent(_level, _text, _user_data):
    pass


class Peer:
    """A loaded model with one context."""

    def __init__(self, path, threads, context_length, n_sequences=1):
        start = time.perf_counter()
        parameters = llama_cpp.llama_model_default_params()
        parameters.n_gpu_layers = 0
        self.model = llama_cpp.llama_model_load_from_file(path.encode(), parameters)
        if not self.model:
            raise SystemExit(f"error: {path}: llama.cpp cannot load it; is it a GGUF file?")
        options = llama_cpp.llama_context_default_params()
        options.n_ctx = context_length * n_sequences
        options.n_seq_max = n_sequences
        options.n_batch = options.n_ubatch = 512
        options.n_threads = options.n_threads_batch = threads
        self.context = llama_cpp.llama_init_from_model(self.model, options)
        self.vocab_size = llama_cpp.llama_vocab_n_tokens(llama_cpp.llama_model_get_vocab(self.model))
        self.load_s = time.perf_counter() - start

    def forget(self):
        llama_cpp.llama_memory_clear(llama_cpp.llama_get_memory(self.context), True)

    def append(self, ids):
        """Feeds the ids and returns the greatest next token."""
        tokens = (ctypes.c_int32 * len(ids))(*ids)
        if llama_cpp.llama_decode(self.context, llama_cpp.llama_batch_get_one(tokens, len(ids))) != 0:
            raise SystemExit("error: llama.cpp: llama_decode failed; is the context long enough?")
        return self.greatest(-1)

    def greatest(self, row):
        logits = llama_cpp.llama_get_logits_ith(self.context, row)  # waits for the computation
        return int(np.ctypeslib.as_array(logits, (self.vocab_size,)).argmax())

    def append_each(self, ids, position):
        """Appends one id to each sequence, all at `position`, and returns the greatest next token of each."""
        batch = llama_cpp.llama_batch_init(len(ids), 0, 1)
        batch.n_tokens = len(ids)
        for sequence, token in enumerate(ids):
            batch.token[sequence] = token
            batch.pos[sequence] = position
            batch.n_seq_id[sequence] = 1
            batch.seq_id[sequence][0] = sequence
            batch.logits[sequence] = 1
        failed = llama_cpp.llama_decode(self.context, batch) != 0
        llama_cpp.llama_batch_free(batch)
        if failed:
            raise SystemExit("error: llama.cpp: llama_decode of a batch failed; is the context long enough?")
        return [self.greatest(row) for row in range(len(ids))]


def seconds_of(action):
    start = time.perf_counter()
    result = action()
    return time.perf_counter() - start, result


def throughput(peer, n_prompt, n_gen):
    ids = [(index * 7919 + 13) % peer.vocab_size for index in range(n_prompt)]
    peer.append(ids[:32])  # warm-up, as in `tidemill bench`
    peer.append([1])
    peer.forget()
    prefill_s, token = seconds_of(lambda: peer.append(ids))

    def generate():
        following = token
        for _ in range(n_gen):
            following = peer.append([following])

    decode_s, _ = seconds_of(generate)
    return {"prefill_tok_s": n_prompt / prefill_s, "decode_tok_s": n_gen / decode_s}


def batched(peer, n_prompt, n_gen, n_sequences):
    tokens = list(range(13, 13 + n_sequences))
    for position in range(n_prompt):
        tokens = peer.append_each(tokens, position)

    def generate():
        following = tokens
        for step in range(n_gen):
            following = peer.append_each(following, n_prompt + step)

    decode_s, _ = seconds_of(generate)
    return {"decode_tok_s": n_sequences * n_gen / decode_s}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True)
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("--prompt-tokens", type=int, default=512)
    parser.add_argument("--gen-tokens", type=int, default=128)
    parser.add_argument("--batch", type=int, default=1, help="sequences decoded together")
    parser.add_argument("--first-token", metavar="IDS", help="token ids separated by commas")
    arguments = parser.parse_args()

    llama_cpp.llama_log_set(silent, ctypes.c_void_p())
    llama_cpp.llama_backend_init()
    interpreter_bytes = status_bytes("VmRSS")
    peer = Peer(arguments.model, arguments.threads, arguments.prompt_tokens + arguments.gen_tokens + 8, arguments.batch)
    if arguments.first_token:
        ids = [int(word) for word in arguments.first_token.split(",")]
        result = {"first_token_s": seconds_of(lambda: peer.append(ids))[0]}
    elif arguments.batch > 1:
        result = batched(peer, arguments.prompt_tokens, arguments.gen_tokens, arguments.batch)
    else:
        result = throughput(peer, arguments.prompt_tokens, arguments.gen_tokens)
    result |= {"load_s": peer.load_s, "peak_rss_bytes": status_bytes("VmHWM") - interpreter_bytes}
    print(json.dumps(result | {"version": llama_cpp.__version__}))


if __name__ == "__main__":
    main()
