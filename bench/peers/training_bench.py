"""One library trains byte-level BPE or Unigram on one text; one JSON object on stdout: seconds, from the file to the model.

    training_bench.py LIBRARY KIND TEXT VOCAB_SIZE THREADS
"""

import importlib.metadata
import json
import os
import pathlib
import sys
import tempfile
import time


def gigabpe(kind, text, vocab_size, threads):
    import gigabpe

    return len(gigabpe.train_bpe([text], vocab_size, pretokenizer="bytelevel", threads=threads)[1])


def hf(kind, text, vocab_size, threads):
    os.environ["RAYON_NUM_THREADS"] = str(threads)
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers

    if kind == "unigram":
        tokenizer = Tokenizer(models.Unigram())
        tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
        trainer = trainers.UnigramTrainer(
            vocab_size=vocab_size, unk_token="<unk>", special_tokens=["<unk>"], show_progress=False
        )
    else:
        tokenizer = Tokenizer(models.BPE())
        tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        alphabet = pre_tokenizers.ByteLevel.alphabet()
        trainer = trainers.BpeTrainer(vocab_size=vocab_size, initial_alphabet=alphabet, show_progress=False)
    tokenizer.train([text], trainer)
    return tokenizer.get_vocab_size()


def sentencepiece(kind, text, vocab_size, threads):
    """With as little else as it lets one turn off: no normalization, every character, no limit on lines."""
    import sentencepiece

    with tempfile.TemporaryDirectory() as folder:
        sentencepiece.SentencePieceTrainer.train(
            input=text,
            model_prefix=str(pathlib.Path(folder) / "model"),
            model_type="unigram",
            vocab_size=vocab_size,
            num_threads=threads,
            character_coverage=1.0,
            normalization_rule_name="identity",
            max_sentence_length=1 << 30,
            minloglevel=2,
        )
        return vocab_size


def main():
    name, kind, text, vocab_size, threads = *sys.argv[1:4], int(sys.argv[4]), int(sys.argv[5])
    train = {"gigabpe": gigabpe, "sentencepiece": sentencepiece, "tokenizers": hf}[name]
    start = time.perf_counter()
    n_tokens = train(kind, text, vocab_size, threads)
    seconds = time.perf_counter() - start
    print(json.dumps({"seconds": seconds, "tokens": n_tokens, "version": importlib.metadata.version(name)}))


main()
