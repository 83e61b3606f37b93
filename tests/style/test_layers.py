"""Layers never reach up: every #include is checked against the table of docs/architecture.md (section "Layers")."""

import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parents[2]

# Folder of src/ -> folders it may include besides its own, include/tidemill and the standard library.
MAY_INCLUDE = {
    "sys": set(),
    "tensor": {"sys"},
    "cache": {"sys"},
    "text": {"sys"},
    "grammar": {"sys", "text"},
    "ops": {"sys", "tensor"},
    "formats": {"sys", "tensor"},
    "backends": {"sys", "tensor", "ops"},
    "models": {"tensor", "ops", "formats"},
    "runtime": {"sys", "tensor", "cache", "text", "grammar", "ops", "models"},
    "embed": {"sys", "tensor", "cache", "text", "ops", "models"},
    "devices": {"sys"},
    "jobs": {"sys", "formats", "devices"},
    "compress": {"sys", "tensor", "ops", "formats", "models"},
    "train": {"sys", "tensor", "text", "ops", "formats", "models"},
    "api": {"sys", "tensor", "cache", "text", "grammar", "ops", "formats", "backends", "models", "runtime", "embed", "devices", "jobs", "compress", "train"},
}
# Front ends see public headers only.
FRONT_ENDS = {"cli": {"serve"}, "serve": set(), "python": set(), "web": set()}  # and of each other only this
# Third-party header -> folders that may include it; tests may include gtest.
THIRD_PARTY = {
    "hwy/": {"backends", "text", "compress"},
    "pcre2.h": {"text"},
    "snappy-c.h": {"formats"},
    "zlib.h": {"formats"},
    "zstd.h": {"formats", "compress"},
    "xxhash.h": {"compress"},
    "boost/": {"serve"},
    "openssl/": {"serve"},
    "prometheus/": {"serve"},
    "hiredis/": {"serve"},
    "toml++/": {"cli"},
    "nlohmann/": {"formats", "text", "grammar", "models", "jobs", "compress", "cli", "serve", "api"},
    "nanobind/": {"python"},
    "numpy/": {"python"},
    "gtest/": set(),
}
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.MULTILINE)


def is_test(path):
    return path.stem.endswith(("_test", "_fuzz"))


def problems_of(path, folder, may_include, own_headers_ok):
    for bracket, name in INCLUDE.findall(path.read_text(encoding="utf-8")):
        if name.startswith("tidemill/"):
            continue
        top = name.split("/")[0]
        third_party = [prefix for prefix in THIRD_PARTY if name.startswith(prefix)]
        if third_party:
            if folder not in THIRD_PARTY[third_party[0]] and not (is_test(path) and name.startswith("gtest/")):
                yield f"{path.relative_to(ROOT)} includes {name}, which belongs elsewhere"
        elif bracket == '"':
            if top == folder and own_headers_ok:
                continue
            if top not in may_include:
                yield f"{path.relative_to(ROOT)} includes {name}: {folder} may include only {sorted(may_include)}"


def sources(folder):
    return [p for p in sorted((ROOT / folder).rglob("*")) if p.suffix in {".h", ".cpp"}]


def test_every_folder_of_src_has_a_row():
    found = {p.name for p in (ROOT / "src").iterdir() if p.is_dir()}
    assert found and found <= set(MAY_INCLUDE)


def test_layers_never_reach_up():
    problems = []
    for path in sources("src"):
        folder = path.relative_to(ROOT / "src").parts[0]
        problems += problems_of(path, folder, MAY_INCLUDE[folder], own_headers_ok=True)
    assert not problems, "\n".join(problems)


def test_front_ends_see_public_headers_only():
    problems = []
    for front_end, may_include in FRONT_ENDS.items():
        if (ROOT / front_end).is_dir():
            for path in sources(front_end):
                problems += problems_of(path, front_end, may_include, own_headers_ok=True)
    assert not problems, "\n".join(problems)


def test_public_headers_include_no_private_or_third_party_ones():
    problems = []
    for path in sources("include"):
        for bracket, name in INCLUDE.findall(path.read_text(encoding="utf-8")):
            if not name.startswith("tidemill/") and (bracket == '"' or "/" in name or name.endswith(".h")):
                problems.append(f"{path.relative_to(ROOT)} includes {name}")
    assert not problems, "\n".join(problems)


def test_the_rule_catches_a_layer_that_reaches_up(tmp_path, monkeypatch):
    monkeypatch.setattr(f"{__name__}.ROOT", tmp_path)
    bad = tmp_path / "src/tensor/bad.cpp"
    bad.parent.mkdir(parents=True)
    bad.write_text('#include "models/model.h"\n#include <hwy/highway.h>\n')
    assert len(list(problems_of(bad, "tensor", MAY_INCLUDE["tensor"], own_headers_ok=True))) == 2
