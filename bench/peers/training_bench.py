"""One library trains byte-level BPE on one text; one JSON object on stdout: seconds, from the file to the merges.

    training_bench.py LIBRARY TEXT VOCAB_SIZE THREADS
"""

import importlib.metadata
import json
import os
import sys
import time


def gigabpe(text, vocab_size, threads):
    import gigabpe

    return len(gigabpe.train_bpe([text], vocab_size, pretokenizer="bytelevel", threads=threads)[1])


def hf(text, vocab_size, threads):
    os.environ["RAYON_NUM_THREADS"] = str(threads)
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    tokenizer.train([text], trainers.BpeTrainer(vocab_size=vocab_size, initial_alphabet=alphabet, show_progress=False))
    return tokenizer.get_vocab_size() - len(alphabet)


def main():
    name, text, vocab_size, threads = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
    train = {"gigabpe": gigabpe, "tokenizers": hf}[name]
    start = time.perf_counter()
    n_merges = train(text, vocab_size, threads)
    seconds = time.perf_counter() - start
    print(json.dumps({"seconds": seconds, "merges": n_merges, "version": importlib.metadata.version(name)}))


main()
