"""Texts to tokenize, made from what every Python carries, so that anyone can make them again.

    tokenize_texts.py FOLDER
"""

import ast
import pathlib
import random
import re
import sys
import sysconfig

STDLIB = pathlib.Path(sysconfig.get_paths()["stdlib"])
LETTERS = {
    "latin": "abcdefghijklmnopqrstuvwxyzäöüßéèêçñåøæœłśžřőíóú",
    "greek": "αβγδεζηθικλμνξοπρστυφχψωάέήίόύώ",
    "cyrillic": "абвгдежзийклмнопрстуфхцчшщъыьэюяіїєў",
    "arabic": "ابتثجحخدذرزسشصضطظعغفقكلمنهوي",
    "hebrew": "אבגדהוזחטיכלמנסעפצקרשת",
    "hangul": "".join(chr(c) for c in range(0xAC00, 0xD7A4, 37)),
    "han": "".join(chr(c) for c in range(0x4E00, 0x6E00, 11)),
    "kana": "".join(chr(c) for c in range(0x3042, 0x30F0)),
}
UNSPACED = {"han", "kana"}


def source_files():
    for path in sorted(STDLIB.rglob("*.py")):
        if "site-packages" not in path.parts and "test" not in path.parts:
            try:
                yield path.read_text(encoding="utf-8")
            except (OSError, UnicodeDecodeError):
                continue


def docstrings(source):
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError):
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef):
            text = ast.get_docstring(node)
            if text and len(text) > 200 and ">>>" not in text:
                yield text


def prose():
    """The manual of Python's language, and longer docstrings of its library."""
    import pydoc_data.topics

    return "\n".join([*pydoc_data.topics.topics.values(), *(text for source in source_files() for text in docstrings(source))])


def words_of(rng, letters, n_words):
    """Words of two to ten letters in which some letters are much more frequent than others."""
    weights = [1 / (rank + 1) for rank in range(len(letters))]
    return ["".join(rng.choices(letters, weights, k=rng.randint(2, 10))) for _ in range(n_words)]


def mixed(n_characters=1_500_000, seed=1):
    """Sentences of invented words in eight scripts, as frequent as words are (Zipf)."""
    rng = random.Random(seed)
    languages = {}
    for script, letters in LETTERS.items():
        shuffled = "".join(rng.sample(letters, len(letters)))
        languages[script] = words_of(rng, shuffled, 8000)
    weights = [1 / (rank + 3) for rank in range(8000)]
    sentences, length = [], 0
    while length < n_characters:
        script = rng.choice(sorted(languages))
        words = rng.choices(languages[script], weights, k=rng.randint(4, 18))
        sentence = ("" if script in UNSPACED else " ").join(words) + rng.choice([". ", ", ", "。", "! ", ".\n", "? "])
        sentences.append(sentence)
        length += len(sentence)
    return "".join(sentences)


def write_all(folder, limit=4_000_000):
    """name -> file; at most `limit` characters each."""
    folder.mkdir(parents=True, exist_ok=True)
    english = prose()
    texts = {
        "English": english,
        "code": "\n".join(source_files()),
        "mixed": mixed(),
        "one line": re.sub(r"\s*\n\s*", " ", english),
    }
    files = {}
    for name, text in texts.items():
        files[name] = folder / f"{name.replace(' ', '-')}.txt"
        files[name].write_text(text[:limit], encoding="utf-8")
    return files


if __name__ == "__main__":
    write_all(pathlib.Path(sys.argv[1]))
