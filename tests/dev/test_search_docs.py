"""scripts/search_docs.py, the demonstration of embeddings: what becomes a passage, and that the nearest ones answer."""

import importlib.util
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "scripts/search_docs.py"
spec = importlib.util.spec_from_file_location("search_docs", SCRIPT)
search_docs = importlib.util.module_from_spec(spec)
spec.loader.exec_module(search_docs)

SENTENCE = "The tide mill stood at the mouth of the river, and its wheel turned twice a day with the water that came and went."


def test_paragraphs_and_list_items_become_passages(tmp_path):
    path = tmp_path / "page.md"
    lines = ["# A page", "", SENTENCE, "It *stood*.", "", "## More", "| a | table |", "", f"- [{SENTENCE}](x.md)", f"- `{SENTENCE}`"]
    path.write_text("\n".join([*lines, "", "Short.", "```sh", SENTENCE, "```"]), encoding="utf-8")
    assert search_docs.passages_of(path, "page.md") == [
        ("page.md:3", "A page", f"{SENTENCE} It *stood*."), ("page.md:9", "More", SENTENCE), ("page.md:10", "More", SENTENCE),
    ]  # fmt: skip


def test_the_nearest_come_first():
    vectors = [[1.0, 0.0], [0.0, 1.0], [0.6, 0.8]]
    assert [index for _, index in search_docs.nearest([0.8, 0.6], vectors, 2)] == [2, 0]


def test_the_documentation_has_passages_with_their_places():
    passages = search_docs.documentation()
    assert len(passages) > 100
    for passage in passages:
        name, line = passage.place.split(":")
        assert passage.text.split()[0].rstrip(":.,") in (ROOT / name).read_text(encoding="utf-8").splitlines()[int(line) - 1]


def test_a_program_that_fails_ends_it(tmp_path):
    program = tmp_path / "program"
    program.write_text("#!/bin/sh\necho 'error: model: is not there; fetch it' >&2\nexit 3\n", encoding="utf-8")
    program.chmod(0o755)
    done = subprocess.run([sys.executable, SCRIPT, program, "model"], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 3 and done.stderr.count("\n") == 1 and done.stdout == ""
