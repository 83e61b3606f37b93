"""`tidemill delta store`: deltas come back as they were, what they share is kept once, and nothing harms what is there."""

import json
import os
import resource
import signal
import subprocess
import time

import numpy as np
import pytest
import xxhash
from model_pairs import entry, nudged, weights, write_safetensors


@pytest.fixture(scope="module")
def deltas(tidemill, tmp_path_factory):
    """Three fine-tunes of one base: `one` and `two` share all but one tensor, `other` none."""
    folder = tmp_path_factory.mktemp("deltas")
    rng = np.random.default_rng(3)
    base = {f"layers.{i}.weight": weights(rng, (300, 384)) for i in range(6)} | {"norm": weights(rng, (384,))}
    one = {name: nudged(rng, array) for name, array in base.items()}
    two = one | {"layers.3.weight": nudged(rng, base["layers.3.weight"])}
    other = {name: nudged(rng, array) for name, array in base.items()}
    for kind, tensors in [("base", base), ("one", one), ("two", two), ("other", other)]:
        write_safetensors(folder / f"{kind}.safetensors", {n: entry(a) for n, a in tensors.items()}, {"format": "pt"})
    for kind in ("one", "two", "other"):
        tidemill.json("delta", "make", folder / "base.safetensors", folder / f"{kind}.safetensors", folder / f"{kind}.tmdelta")
    return {kind: folder / f"{kind}.tmdelta" for kind in ("one", "two", "other")}


@pytest.fixture
def store(tidemill, tmp_path, deltas):
    for path in deltas.values():
        tidemill.json("delta", "store", "add", tmp_path / "store", path)
    return tmp_path / "store"


def by_the_page(store, name):
    """A delta from its store by docs/formats/delta_store.md alone."""
    entry = json.loads((store / f"deltas/{name}.json").read_text())
    content = b""
    for part in entry["objects"]:
        data = (store / "objects" / part["hash"]).read_bytes()
        assert len(data) == part["bytes"] and xxhash.xxh3_128_hexdigest(data) == part["hash"]
        content += data
    assert len(content) == entry["bytes"]
    return content


def names_of(store):
    return sorted(str(path.relative_to(store)) for path in store.rglob("*"))


def expect_error(done, status, *fragments):
    assert done.returncode == status, (done.returncode, done.stderr)
    assert done.stderr.startswith("error: ") and done.stderr.count("\n") == 1, done.stderr
    for fragment in fragments:
        assert fragment in done.stderr, done.stderr


def test_deltas_come_back_and_what_they_share_is_kept_once(tidemill, tmp_path, store, deltas):
    for name, path in deltas.items():
        tidemill.json("delta", "store", "get", store, name, tmp_path / "out.tmdelta")
        assert (tmp_path / "out.tmdelta").read_bytes() == path.read_bytes() == by_the_page(store, name)
    sizes = {name: path.stat().st_size for name, path in deltas.items()}
    kept = sum(path.stat().st_size for path in (store / "objects").iterdir())
    assert kept < sizes["one"] + sizes["two"] / 4 + sizes["other"]
    listed = {delta["name"]: delta for delta in tidemill.json("delta", "store", "list", store)["deltas"]}
    assert {name: listed[name]["bytes"] for name in listed} == sizes
    assert listed["two"]["own_bytes"] < sizes["two"] / 4 and listed["other"]["own_bytes"] == sizes["other"]
    assert listed["one"]["base"][0]["name"] == "base.safetensors" and listed["one"]["mode"] == "lossless"
    table = tidemill.run("delta", "store", "list", store).stdout
    assert table.count("\n") == 4 and "base.safetensors" in table
    assert tidemill.json("delta", "store", "verify", store) == {"problems": []}


def test_added_again_and_under_another_name(tidemill, store, deltas):
    before = names_of(store)
    assert tidemill.json("delta", "store", "add", store, deltas["one"])["new_bytes"] == 0
    assert names_of(store) == before
    done = tidemill.run("delta", "store", "add", store, deltas["one"], "--name", "two")
    expect_error(done, 2, "another delta of the name 'two'")
    assert tidemill.json("delta", "store", "add", store, deltas["one"], "--name", "copy")["new_bytes"] == 0
    assert len(tidemill.json("delta", "store", "list", store)["deltas"]) == 4


def test_gc_keeps_what_is_used(tidemill, tmp_path, store, deltas):
    assert tidemill.json("delta", "store", "gc", store)["objects"] == 0
    tidemill.json("delta", "store", "remove", store, "one")
    (store / "objects/.tidemill-1-0.tmp").write_bytes(b"left over")
    assert tidemill.json("delta", "store", "gc", store)["objects"] > 1
    assert not (store / "objects/.tidemill-1-0.tmp").exists()
    assert by_the_page(store, "two") == deltas["two"].read_bytes()
    for name in ("two", "other"):
        tidemill.json("delta", "store", "remove", store, name)
    tidemill.json("delta", "store", "gc", store)
    assert names_of(store) == ["deltas", "format.json", "lock", "objects"]


def test_damage_is_found_named_and_mended(tidemill, tmp_path, store, deltas):
    shared = {part["hash"] for part in json.loads((store / "deltas/one.json").read_text())["objects"]}
    shared &= {part["hash"] for part in json.loads((store / "deltas/two.json").read_text())["objects"]}
    path = store / "objects" / sorted(shared)[0]
    whole = path.read_bytes()
    for damaged in (b"", whole[:-1], whole[:-1] + bytes([whole[-1] ^ 1]), None):
        path.unlink() if damaged is None else path.write_bytes(damaged)
        expect_error(tidemill.run("delta", "store", "get", store, "one", tmp_path / "out"), 3, path.name)
        done = tidemill.run("delta", "store", "verify", store, "--json")
        expect_error(done, 3, "2 of its deltas are damaged")
        assert [problem["delta"] for problem in json.loads(done.stdout)["problems"]] == ["one", "two"]
        assert not (tmp_path / "out").exists()
        tidemill.json("delta", "store", "add", store, deltas["two"])
        assert tidemill.json("delta", "store", "verify", store) == {"problems": []}


@pytest.mark.parametrize(
    "text, fragment",
    [
        ("", ""),
        ("{", ""),
        ("[]", "no object"),
        ('{"bytes":-1}', "mode"),
        ('{"mode":"x","restores":1,"bytes":5,"hash":"00"}', "32 digits"),
        ('{"mode":"x","restores":1,"bytes":5,"hash":"%s","base":[],"objects":[]}' % ("0" * 32), "lack"),
        ('{"mode":"x","restores":1,"bytes":5,"hash":"%s","base":[],"objects":[{"hash":"../../x","bytes":5}]}' % ("0" * 32), "32 digits"),
        ('{"mode":"x","restores":1,"bytes":5,"hash":"%s","base":[],"objects":[{"hash":"%s","bytes":6}]}' % ("0" * 32, "0" * 32), "at most"),
    ],
)
def test_a_damaged_entry_stops_what_would_delete(tidemill, tmp_path, store, text, fragment):
    (store / "deltas/one.json").write_text(text)
    before = names_of(store)
    for words in [("gc", store), ("list", store), ("get", store, "one", tmp_path / "out")]:
        expect_error(tidemill.run("delta", "store", *words), 3, "one.json", fragment)
    assert names_of(store) == before
    tidemill.json("delta", "store", "remove", store, "one")
    assert tidemill.json("delta", "store", "verify", store) == {"problems": []}


def test_what_cannot_be_done_is_refused(tidemill, tmp_path, store, deltas):
    (tmp_path / "full").mkdir()
    (tmp_path / "full/file").write_text("x")
    delta = deltas["one"]
    for words, status, fragment in [
        ((), 2, "nothing to do"),
        (("lsit",), 2, "did you mean 'list'"),
        (("add", store), 2, "takes the folder"),
        (("add", tmp_path / "full", delta), 2, "is there already"),
        (("add", tmp_path / "no/where", delta), 3, "make the folder above it first"),
        (("add", store, store / "format.json"), 3, "format.json"),
        (("add", store, tmp_path / "missing.tmdelta"), 3, "no such file"),
        (("add", store, delta, "--name", "../x"), 2, "no name of a delta"),
        (("add", store, delta, "--name", ".x"), 2, "no name of a delta"),
        (("get", store, "missing", tmp_path / "out"), 3, "has no delta 'missing'"),
        (("get", store, "../format", tmp_path / "out"), 2, "no name of a delta"),
        (("remove", store, "missing"), 3, "has no delta"),
        (("list", tmp_path / "nothing"), 3, "no store of deltas"),
        (("gc", tmp_path / "full"), 3, "no store of deltas"),
    ]:
        expect_error(tidemill.run("delta", "store", *words), status, fragment)
    (store / "format.json").write_text('{"format":"tmdelta-store","version":2}')
    expect_error(tidemill.run("delta", "store", "list", store), 3, "update tidemill")


def test_many_at_once(tidemill, tmp_path, deltas):
    """Adds, also of the first into a new folder, removals and collections of several processes."""
    store = tmp_path / "store"
    processes = []
    for i in range(12):
        kind = ["one", "two", "other"][i % 3]
        words = ["add", store, deltas[kind], "--name", f"{kind}-{i}"]
        processes.append(subprocess.Popen([tidemill.program, "delta", "store", *words], stderr=subprocess.PIPE))
        if i % 4 == 3:
            while not (store / "format.json").exists():
                time.sleep(0.001)
            processes.append(subprocess.Popen([tidemill.program, "delta", "store", "gc", store], stderr=subprocess.PIPE))
    for process in processes:
        _, stderr = process.communicate(timeout=120)
        assert process.returncode == 0, stderr
    assert len(tidemill.json("delta", "store", "list", store)["deltas"]) == 12
    assert tidemill.json("delta", "store", "verify", store) == {"problems": []}
    for i in range(12):
        kind = ["one", "two", "other"][i % 3]
        assert by_the_page(store, f"{kind}-{i}") == deltas[kind].read_bytes()


def test_a_kill_at_any_moment_leaves_the_store_whole(tidemill, tmp_path, deltas):
    store = tmp_path / "store"
    tidemill.json("delta", "store", "add", store, deltas["one"])
    n_killed = 0
    for i in range(40):
        for words in [("add", store, deltas["other"]), ("remove", store, "other"), ("gc", store)]:
            process = subprocess.Popen([tidemill.program, "delta", "store", *words], stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
            time.sleep(i % 20 * 0.0008)
            os.kill(process.pid, signal.SIGKILL)
            n_killed += process.wait() != 0
        assert tidemill.json("delta", "store", "verify", store) == {"problems": []}
    assert n_killed > 20
    tidemill.json("delta", "store", "add", store, deltas["other"])
    tidemill.json("delta", "store", "gc", store)
    assert not [path for path in store.rglob(".tidemill-*")]
    for name in ("one", "other"):
        assert by_the_page(store, name) == deltas[name].read_bytes()


def test_a_full_disk_leaves_the_store_whole(tidemill, store, tmp_path, deltas):
    """A limit on the size of files fails as a full disk does."""
    tidemill.json("delta", "store", "remove", store, "other")
    tidemill.json("delta", "store", "gc", store)
    size = deltas["other"].stat().st_size
    for limit in [0, 100, 4096, size // 10, size // 6]:
        done = subprocess.run(
            [tidemill.program, "delta", "store", "add", store, deltas["other"]],
            capture_output=True,
            text=True,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)),
        )
        if done.returncode != 0:
            expect_error(done, 1, "free space")
        assert tidemill.json("delta", "store", "verify", store) == {"problems": []}
    tidemill.json("delta", "store", "add", store, deltas["other"])
    assert by_the_page(store, "other") == deltas["other"].read_bytes()
