"""Writes the seeds of the fuzz target gguf_tokenizer: a small sound file of each kind of vocabulary."""

import pathlib
import sys

import gguf

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/text"))

from gguf_files import write_vocabulary  # noqa: E402

CORPUS = ROOT / "tests/fuzz/corpus/gguf_tokenizer"
T = gguf.TokenType
BYTES = [f"<0x{byte:02X}>" for byte in range(256)]
SPECIAL = [("<unk>", T.UNKNOWN), ("<s>", T.CONTROL), ("</s>", T.CONTROL), ("  ", T.USER_DEFINED), ("mill", T.USER_DEFINED)]
WORDS = [(word, T.NORMAL) for word in ["\u2581", "t", "h", "e", "th", "the", "\u2581the", "i", "d", "ti", "aa", "a", "\n"]]


def write(name, kind, tokens, **keys):
    scores = [-float(k) for k in range(len(tokens))] if kind in ("llama", "t5") else None
    write_vocabulary(CORPUS / name, kind, [token for token, _ in tokens], [kind for _, kind in tokens], scores, **keys)


def main():
    CORPUS.mkdir(parents=True, exist_ok=True)
    write("llama", "llama", SPECIAL + WORDS, add_space_prefix=True)
    write("gemma", "llama", SPECIAL + [(name, T.BYTE) for name in BYTES] + WORDS, add_space_prefix=False)
    write("unused", "llama", SPECIAL + WORDS + [("zt", T.NORMAL), ("hei", T.UNUSED)])
    write("t5", "t5", SPECIAL + WORDS, add_space_prefix=True, remove_extra_whitespaces=True, unk_token_id=0)
    write("rwkv", "rwkv", [("<s>", T.CONTROL)] + [(repr(bytes([b]))[2:-1], T.NORMAL) for b in range(256)] + [("\\n\\n", T.NORMAL)])
    letters = [(letter, T.NORMAL) for letter in "abcdehilt\u0120\u010a"]
    write("gpt2", "gpt2", [("<|end|>", T.CONTROL), *letters, ("th", T.NORMAL), ("the", T.NORMAL)],
          tokenizer_pre="llama-bpe", token_merges=["t h", "th e"], bos_token_id=0)  # fmt: skip
    bert = [("[UNK]", T.UNKNOWN), ("[CLS]", T.CONTROL), ("[SEP]", T.CONTROL), ("\u2581the", T.NORMAL), ("mill", T.NORMAL)]
    write("bert", "bert", bert, unk_token_id=0, bos_token_id=1, eos_token_id=2)


if __name__ == "__main__":
    main()
