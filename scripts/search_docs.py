"""Searches the documentation by meaning: `./dev run embed [QUESTION...]`.

    search_docs.py PROGRAM MODEL [QUESTION...]

The smallest use of embeddings: every paragraph of README.md and docs/ becomes a vector, so does each question, and the
paragraphs whose vectors lie nearest answer it. Vectors come from `tidemill embed MODEL --stdin-jsonl` and have length 1,
so the cosine of two is the sum of their products. Needs nothing but Python itself.
"""

import argparse
import json
import pathlib
import re
import shutil
import subprocess
import sys
import textwrap
import time
from typing import NamedTuple

ROOT = pathlib.Path(__file__).resolve().parents[1]
QUESTIONS = [
    "How do I keep strangers from using my server?",
    "Why does a long prompt start faster the second time?",
    "Can the answer be forced into a certain form?",
]
N_ANSWERS = 3
LEAST_LETTERS = 80  # of a passage; less is a caption


class Passage(NamedTuple):
    place: str  # file:line
    heading: str
    text: str


def passages_of(path, name):
    """Its paragraphs and list items; tables, code and comments are no sentences."""
    heading, lines, first = name, [], 1
    found = []

    def end():
        text = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", " ".join(lines)).replace("`", "").replace("**", "")
        if len(re.findall(r"[A-Za-z]", text)) >= LEAST_LETTERS:
            found.append(Passage(f"{name}:{first}", heading, text))
        lines.clear()

    is_code = False
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if line.startswith("```"):
            is_code = not is_code
        is_prose = not is_code and not re.match(r"```|\||<!--|#|\s*$", line)
        if not is_prose or line.startswith("- "):
            end()
        if not is_code and line.startswith("#"):
            heading = line.strip("# ")
        if is_prose:
            first = first if lines else number
            lines.append(line.removeprefix("- ").strip())
    end()
    return found


def documentation():
    paths = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
    return [passage for path in paths for passage in passages_of(path, str(path.relative_to(ROOT)))]


def embed(program, model, texts):
    lines = "".join(json.dumps({"text": text}) + "\n" for text in texts)
    done = subprocess.run([program, "embed", model, "--stdin-jsonl"], input=lines, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(done.returncode)  # the program has said why
    return [json.loads(line)["embedding"] for line in done.stdout.splitlines()]


def nearest(question, vectors, n):
    """The `n` vectors nearest to that of a question: (cosine, index), the nearest first."""
    cosines = [sum(a * b for a, b in zip(question, vector, strict=True)) for vector in vectors]
    return sorted(((cosine, index) for index, cosine in enumerate(cosines)), reverse=True)[:n]


def show(question, answers, passages):
    width = min(shutil.get_terminal_size((100, 24)).columns, 110)
    print(f"\n{question}")
    for cosine, index in answers:
        passage = passages[index]
        print(f"\n  {cosine:.2f}  {passage.heading}  ({passage.place})")
        print(textwrap.fill(textwrap.shorten(passage.text, 300, placeholder=" ..."), width, initial_indent=" " * 8, subsequent_indent=" " * 8))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program")
    parser.add_argument("model")
    parser.add_argument("questions", nargs="*", metavar="QUESTION", default=QUESTIONS)
    arguments = parser.parse_args()
    questions = arguments.questions or QUESTIONS
    passages = documentation()
    start = time.perf_counter()
    vectors = embed(arguments.program, arguments.model, [*(f"{p.heading}. {p.text}" for p in passages), *questions])
    seconds = time.perf_counter() - start
    for question, vector in zip(questions, vectors[len(passages) :], strict=True):
        show(question, nearest(vector, vectors[: len(passages)], N_ANSWERS), passages)
    sys.stdout.flush()
    print(
        f"\n{len(passages)} passages of README.md and docs/ and {len(questions)} questions became vectors in {seconds:.1f} s, "
        f"loading included.\nWhat to try next:\n"
        f'  ./dev run embed "your own question"\n'
        f'  {arguments.program} embed {arguments.model} --text "The tide mill stood"    the vector of a text\n'
        f"  {arguments.program} serve {arguments.model}    /v1/embeddings over OpenAI's protocol; see docs/embeddings.md",
        file=sys.stderr,
    )


if __name__ == "__main__":
    main()
