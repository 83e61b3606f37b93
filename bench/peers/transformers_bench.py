"""transformers on one folder of a causal model; one JSON object on stdout.

    transformers_bench.py --model FOLDER --threads N --prompt-tokens 512 --gen-tokens 16
"""

import argparse
import json
import time

import torch
import transformers


class Clock:
    """A streamer of `generate`: when the prompt came and when each token did."""

    def __init__(self):
        self.times = []

    def put(self, _):
        self.times.append(time.perf_counter())

    def end(self):
        pass


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True)
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("--prompt-tokens", type=int, default=512)
    parser.add_argument("--gen-tokens", type=int, default=16)
    arguments = parser.parse_args()

    torch.set_num_threads(arguments.threads)
    transformers.logging.set_verbosity_error()
    model = transformers.AutoModelForCausalLM.from_pretrained(arguments.model, dtype=torch.float32).eval()
    ids = [(index * 7919 + 13) % model.config.vocab_size for index in range(arguments.prompt_tokens)]

    def times_of(prompt, n):
        inputs, clock = torch.tensor([prompt]), Clock()
        options = {"max_new_tokens": n, "min_new_tokens": n, "do_sample": False, "streamer": clock}
        with torch.inference_mode():
            model.generate(inputs, attention_mask=torch.ones_like(inputs), **options)
        return clock.times

    times_of(ids[:32], 2)  # warm-up
    start, first, *_, last = times_of(ids, 1 + arguments.gen_tokens)
    result = {
        "prefill_tok_s": len(ids) / (first - start),
        "decode_tok_s": arguments.gen_tokens / (last - first),
        "version": transformers.__version__,
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
