"""Embeds Parquet or JSONL files on a Ray cluster: Ray Data reads, spreads and writes, tidemill makes the vectors.

    pip install "ray[data]" aiohttp
    python examples/ray_embed.py all-minilm-l6-v2 texts/ vectors/ --column text --workers 2

Each worker is an actor with a `tidemill embed --stdin-jsonl` of its own, which loads the model once and answers batches of
texts; Ray starts as many as it is told, on the nodes of its cluster (RAY_ADDRESS) or on this machine.  The program and the
model must be there on every node.  A `tidemill` that dies is started again, an actor that dies is replaced by Ray.

On one machine `tidemill embed --input texts/ --output vectors/` does the same without Ray.
"""

import argparse
import json
import pathlib
import subprocess

import numpy as np

ATTEMPTS = 3  # at one batch, each with a new process


class Embedder:
    """Texts to vectors by a child process; Ray makes one for each worker."""

    def __init__(self, program, model, column, output_column, threads):
        self.command = [program, "embed", model, "--stdin-jsonl", "--threads", str(threads)]
        self.column, self.output_column = column, output_column
        self.process = None

    def start(self):
        self.stop()
        self.process = subprocess.Popen(self.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8")

    def stop(self):
        if self.process:
            self.process.kill()
            self.process.communicate()
            self.process = None

    def ask(self, texts):
        """The vectors of some texts, or nothing from a process that died."""
        if not self.process:
            self.start()
        try:
            self.process.stdin.write(json.dumps({"texts": texts}) + "\n")
            self.process.stdin.flush()
            answer = self.process.stdout.readline()
        except BrokenPipeError:
            answer = ""
        if not answer:
            status = self.process.wait()
            self.process = None
            if status in (2, 3, 4):  # wrong usage, a bad file, not enough memory: another process would say the same
                raise RuntimeError(f"tidemill ended with status {status}; its message is in the log of this worker")
            return None
        return json.loads(answer)["embeddings"]

    def __call__(self, batch):
        """A batch as Ray Data gives it, a dictionary of arrays, with one column more."""
        texts = [str(text) for text in batch[self.column]]
        for _ in range(ATTEMPTS):
            vectors = self.ask(texts)
            if vectors is not None:
                return batch | {self.output_column: np.array(vectors, dtype=np.float32)}
        raise RuntimeError(f"tidemill died {ATTEMPTS} times at one batch; its messages are in the log of this worker")

    def __del__(self):
        self.stop()


def files_below(path):
    """The files that are embedded, by their ending; of a folder all of one kind."""
    path = pathlib.Path(path)
    files = sorted(p for p in ([path] if path.is_file() else path.rglob("*")) if p.suffix in {".parquet", ".jsonl"})
    kinds = {p.suffix for p in files}
    if len(kinds) != 1:
        raise SystemExit(f"error: {path}: has {'both' if kinds else 'neither'} .parquet and .jsonl files; give one kind")
    return [str(p.absolute()) for p in files], kinds.pop()


def embed(model, source, target, column="text", output_column="embedding", workers=2, threads=1, program="tidemill", batch_size=128):
    """Writes the rows of the files at `source` with their vectors to the folder `target`, in parts; returns how many rows."""
    import ray

    files, kind = files_below(source)
    rows = ray.data.read_parquet(files) if kind == ".parquet" else ray.data.read_json(files, lines=True)
    rows = rows.map_batches(
        Embedder,
        fn_constructor_args=(program, model, column, output_column, threads),
        batch_size=batch_size,
        num_cpus=threads,
        compute=ray.data.ActorPoolStrategy(size=workers),
    ).materialize()
    target = str(pathlib.Path(target).absolute())
    if kind == ".parquet":
        rows.write_parquet(target)
    else:
        rows.write_json(target, lines=True)
    return rows.count()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", help="a name in the model store, or a path that every node has")
    parser.add_argument("source", help="a Parquet or JSONL file, or a folder of one kind")
    parser.add_argument("target", help="a folder for the result")
    parser.add_argument("--column", default="text")
    parser.add_argument("--output-column", default="embedding")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--threads", type=int, default=1, help="of each worker")
    parser.add_argument("--program", default="tidemill", help="where tidemill is on every node")
    options = vars(parser.parse_args())
    print(f"{embed(**options)} rows embedded")


if __name__ == "__main__":
    main()
