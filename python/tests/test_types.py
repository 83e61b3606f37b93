"""The package and its examples under mypy and pyright; where these are installed (./dev wheel does)."""

import json
import os
import pathlib
import re
import subprocess
import sys

import pytest
import tidemill
from conftest import ROOT

EXAMPLES = sorted((ROOT / "examples/python").glob("*.py"))
PACKAGE = pathlib.Path(tidemill.__file__).parent


def check(*command):
    found = subprocess.run([sys.executable, "-m", *map(str, command)], capture_output=True, text=True, timeout=300)
    assert found.returncode == 0, found.stdout + found.stderr


def test_mypy_strict(tmp_path):
    pytest.importorskip("mypy")
    check("mypy", "--strict", "--cache-dir", tmp_path, "-p", "tidemill")
    # Most of the libraries that examples use are not here.
    check("mypy", "--strict", "--ignore-missing-imports", "--cache-dir", tmp_path, *EXAMPLES)


def test_pyright(tmp_path):
    pytest.importorskip("pyright")
    # Paths in it are relative to it.
    include = [os.path.relpath(path, tmp_path) for path in (PACKAGE, *EXAMPLES)]
    config = {"include": include, "exclude": [], "pythonVersion": "3.11", "reportMissingImports": False}
    (tmp_path / "pyrightconfig.json").write_text(json.dumps(config))
    check("pyright", "--pythonpath", sys.executable, "-p", tmp_path)


def test_examples_compile():
    assert len(EXAMPLES) >= 6
    for path in EXAMPLES:
        compile(path.read_text(encoding="utf-8"), path, "exec")


def test_stubs_know_every_name_of_the_module():
    from tidemill import _native

    stubs = (PACKAGE / "_native.pyi").read_text(encoding="utf-8")
    for name in dir(_native):
        if not name.startswith("_"):
            assert re.search(rf"^(class|def) {name}\b", stubs, re.MULTILINE), name


def test_every_public_name_has_a_docstring():
    from tidemill import tensor_ops

    for owner in (tensor_ops, tensor_ops.TensorOperations):
        for name in getattr(owner, "__all__", dir(owner)):
            if not name.startswith("_") and callable(getattr(owner, name)) and name not in ("Array", "TensorLike"):
                assert getattr(owner, name).__doc__, name
