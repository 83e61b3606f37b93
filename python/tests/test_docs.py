"""The examples of docs/python.md run, in their order, on tiny models of the names that they give."""

import re
import shutil

from conftest import ROOT
from test_embedder import write_folder


def test_examples_of_the_page(tmp_path, tiny_model, monkeypatch, capsys):
    models = tmp_path / "models"
    models.mkdir()
    shutil.copy(tiny_model, models / "gemma3-270m.gguf")
    content = bytearray(tiny_model.read_bytes())
    (tmp_path / "base.gguf").write_bytes(content)
    content[-3] ^= 1
    (tmp_path / "legal.gguf").write_bytes(content)
    monkeypatch.chdir(tmp_path)
    write_folder(models / "all-minilm-l6-v2")
    monkeypatch.setenv("TIDEMILL_HOME", str(tmp_path))
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "docs/python.md").read_text(encoding="utf-8"), re.DOTALL)
    assert len(blocks) == 17
    names = {}
    for block in blocks:
        if "engine.chat(" in block:  # the tiny model was not made to chat
            continue
        exec(compile(block, "docs/python.md", "exec"), names)
    assert names["similarity"].shape == (2, 2) and capsys.readouterr().out
