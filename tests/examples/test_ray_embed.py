"""examples/ray_embed.py on a cluster of two nodes on this machine; skipped where ray is not installed (./dev test --slow)."""

import json
import os
import pathlib
import subprocess
import sys

import numpy as np
import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path += [str(ROOT / "tests/embed"), str(ROOT / "examples")]

import ray_embed  # noqa: E402
from sentence_folders import TEXTS, make_folder  # noqa: E402

TEXTS_OF_TEST = [text + " mill" * (i % 4) for i in range(60) for text in TEXTS]


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return make_folder(tmp_path_factory.mktemp("model") / "model")


@pytest.fixture(scope="module")
def vectors(tidemill, model):
    lines = "".join(json.dumps({"text": text}) + "\n" for text in TEXTS_OF_TEST)
    done = tidemill.run("embed", model, "--stdin-jsonl", stdin=lines)
    return np.array([json.loads(line)["embedding"] for line in done.stdout.splitlines()], dtype=np.float32)


def test_a_worker_answers_batches_and_survives_the_death_of_its_process(tidemill, model, vectors):
    worker = ray_embed.Embedder(str(tidemill.program), str(model), "text", "v", 1)
    for first in (0, 10):
        batch = {"text": np.array(TEXTS_OF_TEST[first : first + 10], dtype=object), "id": np.arange(10)}
        found = worker(batch)
        np.testing.assert_array_equal(found["v"], vectors[first : first + 10])
        np.testing.assert_array_equal(found["id"], np.arange(10))
        worker.process.kill()
        worker.process.wait()
    worker.stop()
    worker.command[0] = "/bin/false"
    with pytest.raises(RuntimeError, match="died 3 times"):
        worker(batch)
    worker.command = [str(tidemill.program), "embed", "no-such-model", "--stdin-jsonl"]
    with pytest.raises(RuntimeError, match="status 3"):
        worker(batch)


@pytest.fixture(scope="module")
def cluster():
    """The address of a cluster of two nodes."""
    os.environ["RAY_raylet_start_wait_time_s"] = "240"  # a busy machine takes its time
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    pytest.importorskip("ray", reason="ray is not installed; ./dev test --slow installs it")
    from ray.cluster_utils import Cluster

    nodes = Cluster(initialize_head=True, head_node_args={"num_cpus": 2})
    nodes.add_node(num_cpus=2)
    yield nodes.address
    nodes.shutdown()


@pytest.mark.parametrize("kind", ["parquet", "jsonl"])
def test_two_workers_embed_files(cluster, tidemill, model, vectors, tmp_path, kind):
    import pandas

    frame = pandas.DataFrame({"id": range(len(TEXTS_OF_TEST)), "body": TEXTS_OF_TEST})
    (tmp_path / "in").mkdir()
    for part in range(4):
        rows = frame.iloc[part::4]
        if kind == "parquet":
            rows.to_parquet(tmp_path / f"in/{part}.parquet")
        else:
            rows.to_json(tmp_path / f"in/{part}.jsonl", orient="records", lines=True)
    program = str(pathlib.Path(tidemill.program).absolute())
    command = [sys.executable, ROOT / "examples/ray_embed.py", model, tmp_path / "in", tmp_path / "out", "--column", "body", "--program", program]
    done = subprocess.run(command, env=os.environ | {"RAY_ADDRESS": cluster}, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == f"{len(TEXTS_OF_TEST)} rows embedded"
    read = pandas.read_parquet if kind == "parquet" else lambda path: pandas.read_json(path, lines=True)
    result = pandas.concat(read(path) for path in (tmp_path / "out").iterdir()).sort_values("id")
    assert result["id"].tolist() == list(range(len(TEXTS_OF_TEST))) and result["body"].tolist() == TEXTS_OF_TEST
    # pandas writes JSON with ten digits behind the point.
    np.testing.assert_allclose(np.stack(result["embedding"]).astype(np.float32), vectors, rtol=0, atol=0 if kind == "parquet" else 1e-9)
