"""One tokenizer library on one text, measured as `tidemill tokenize --bench --repeat` does; one JSON object on stdout.

    tokenizer_bench.py LIBRARY TOKENIZER TEXT THREADS

Seconds of the first pass over the text with a tokenizer that has only seen a few words, and of a second pass. For
several threads the text is cut after line ends into as many parts, which the library encodes in parallel.
"""

import json
import os
import sys
import time

PATTERN_CL100K = (
    r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+| ?[^\s\p{L}\p{N}]++[\r\n]*+|\s++$|\s*[\r\n]|\s+(?!\S)|\s"
)


def gigatoken(path, threads):
    import gigatoken

    tokenizer = gigatoken.Tokenizer.from_tiktoken(path) if path.endswith(".tiktoken") else gigatoken.Tokenizer(path)
    if threads == 1:
        return lambda parts: sum(len(tokenizer.encode(part)) for part in parts)
    import awkward

    return lambda parts: int(awkward.sum(awkward.num(tokenizer.encode_batch(parts, parallel=True))))


def fastokens(path, threads):
    import fastokens

    tokenizer = fastokens.Tokenizer.from_file(path)
    if threads == 1:
        return lambda parts: sum(len(tokenizer.encode(part).ids) for part in parts)
    return lambda parts: sum(len(encoding.ids) for encoding in tokenizer.encode_batch(parts))


def nanotoken(path, threads):
    import nanotoken

    with open(path, encoding="utf-8") as file:
        tokenizer = nanotoken.WordPieceTokenizer.from_json(file.read())
    if threads == 1:
        return lambda parts: sum(len(tokenizer.encode(part, add_special_tokens=False)) for part in parts)
    return lambda parts: len(tokenizer.encode_batch(parts, add_special_tokens=False)[0])


def sentencepiece(path, threads):
    import sentencepiece

    tokenizer = sentencepiece.SentencePieceProcessor(model_file=path, num_threads=threads)
    return lambda parts: sum(len(ids) for ids in tokenizer.encode(parts))


def hf(path, threads):
    import tokenizers

    tokenizer = tokenizers.Tokenizer.from_file(path)
    return lambda parts: sum(len(encoding.ids) for encoding in tokenizer.encode_batch(parts, add_special_tokens=False))


def tiktoken(path, threads):
    import tiktoken
    from tiktoken.load import load_tiktoken_bpe

    encoding = tiktoken.Encoding(
        "bench", pat_str=PATTERN_CL100K, mergeable_ranks=load_tiktoken_bpe(path), special_tokens={}
    )
    return lambda parts: sum(len(ids) for ids in encoding.encode_ordinary_batch(parts, num_threads=threads))


def split_at_lines(text, n_parts):
    parts, begin = [], 0
    for k in range(1, n_parts + 1):
        line_end = text.find("\n", max(begin, len(text) * k // n_parts))
        end = len(text) if k == n_parts or line_end < 0 else line_end + 1
        parts.append(text[begin:end])
        begin = end
    return [part for part in parts if part]


def main():
    library, path, text_path, threads = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])
    os.environ["RAYON_NUM_THREADS"] = str(threads)
    os.environ["TOKENIZERS_PARALLELISM"] = "true" if threads > 1 else "false"
    libraries = {"tokenizers": hf} | {make.__name__: make for make in [gigatoken, fastokens, nanotoken, sentencepiece, tiktoken]}
    encode = libraries[library](path, threads)
    with open(text_path, encoding="utf-8", newline="") as file:
        text = file.read()
    parts = split_at_lines(text, threads)
    encode(["A few words."])
    answer = {"bytes": len(text.encode())}
    for name in ["seconds", "repeat_seconds"]:
        start = time.perf_counter()
        answer["tokens"] = encode(parts)
        answer[name] = time.perf_counter() - start
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
