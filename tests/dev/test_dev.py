"""./dev itself: its help and how it refuses; what it installs and builds is tried on a clean machine instead."""

import pathlib
import re
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
COMMANDS = sorted(p.stem for p in (ROOT / "scripts/dev").glob("*.sh") if p.stem != "lib")


def dev(*arguments):
    return subprocess.run([ROOT / "dev", *arguments], capture_output=True, text=True, check=False, timeout=60)


def test_help_starts_with_examples_and_names_every_command():
    text = dev("help").stdout
    assert text.startswith("Examples:\n")
    assert sorted(re.findall(r"^  ([a-z]+)  ", text.replace("[", " ["), re.MULTILINE)) == sorted([*COMMANDS, "help"])
    assert dev().stdout == text


@pytest.mark.parametrize(
    "arguments",
    [["nonsense"], ["../dev/run"], ["build", "nonsense"], ["test", "--fast"], ["fuzz", "nonsense"],
     ["fuzz", "--seconds", "-1"], ["format", "--all"], ["bench", "nonsense"]],
    ids=" ".join,
)
def test_wrong_usage_is_one_line_and_status_2(arguments):
    done = dev(*arguments)
    assert done.returncode == 2 and done.stdout == ""
    assert re.fullmatch(r"error: [^\n]+: [^\n]+; [^\n]+\n", done.stderr)


@pytest.mark.parametrize("script", sorted((ROOT / "scripts/dev").rglob("*.sh")), ids=lambda p: p.name)
def test_scripts_parse(script):
    subprocess.run(["bash", "-n", script], check=True)
