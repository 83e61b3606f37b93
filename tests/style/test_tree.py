"""What git tracks is what a fresh clone can use: no build output, no environment, no link that leaves the tree."""

import os
import pathlib
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]


def tracked(root, *options):
    """Paths of git's index below `root`; None where `root` is no checkout (an unpacked archive)."""
    listed = subprocess.run(["git", "-C", root, "ls-files", "-z", *options], capture_output=True)
    return None if listed.returncode else [name for name in os.fsdecode(listed.stdout).split("\0") if name]


def problems_of(root):
    for name in tracked(root, "--cached", "--ignored", "--exclude-standard"):
        yield f"{name} is tracked, yet .gitignore names it"
    for name in tracked(root):
        path = root / name
        if path.is_symlink() and not path.resolve().is_relative_to(root.resolve()):
            yield f"{name} leads out of the tree, to {os.readlink(path)}"


def test_only_what_belongs_to_the_tree_is_tracked():
    if tracked(ROOT) is None:
        pytest.skip("not a git checkout")
    problems = list(problems_of(ROOT))
    assert not problems, "\n".join(problems)


def test_the_rule_catches_a_linked_environment(tmp_path):
    """An environment that is a link is not a folder: a pattern that ends in a slash would let `git add -A` take it."""
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    (tmp_path / ".gitignore").write_bytes((ROOT / ".gitignore").read_bytes())
    (tmp_path / ".venv").symlink_to("/usr")
    subprocess.run(["git", "-C", tmp_path, "add", "-A"], check=True)
    assert tracked(tmp_path) == [".gitignore"]
    subprocess.run(["git", "-C", tmp_path, "add", "-f", ".venv"], check=True)
    assert len(list(problems_of(tmp_path))) == 2
