"""`tidemill tokenize` as functions over lists."""

import json


class TokenizeCommand:
    def __init__(self, tidemill, tokenizer):
        self.tidemill = tidemill
        self.tokenizer = tokenizer

    def answers(self, lines, *arguments):
        done = self.tidemill.run(
            "tokenize", "--tokenizer", self.tokenizer, "--stdin-jsonl", *arguments, stdin="".join(json.dumps(line) + "\n" for line in lines)
        )
        assert done.returncode == 0, done.stderr
        answers = [json.loads(line) for line in done.stdout.split("\n") if line]
        assert len(answers) == len(lines)
        return answers

    def encode(self, texts, **options):
        lines = [{"text": text, "add_special_tokens": False, **options} for text in texts]
        return [answer["ids"] for answer in self.answers(lines)]

    def offsets(self, texts):
        lines = [{"text": text, "add_special_tokens": False} for text in texts]
        return [[tuple(pair) for pair in answer["offsets"]] for answer in self.answers(lines, "--offsets")]

    def decode(self, lists, skip_special_tokens=True):
        lines = [{"ids": ids, "skip_special_tokens": skip_special_tokens} for ids in lists]
        return [answer["text"] for answer in self.answers(lines, "--decode")]

    def stream(self, lists, skip_special_tokens=True):
        lines = [{"ids": ids, "skip_special_tokens": skip_special_tokens, "stream": True} for ids in lists]
        return [answer["chunks"] for answer in self.answers(lines, "--decode")]


def first_difference(texts, found, expected):
    """None, or the first text whose results differ, made for a message."""
    for text, one, other in zip(texts, found, expected, strict=True):
        if one != other:
            return f"{ascii(text)}:\n  found    {one}\n  expected {other}"
    return None
