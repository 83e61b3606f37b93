"""Writes the seeds of the fuzz target for configurations into tests/fuzz/corpus/model_config: the config.json of every
golden model beside the dtypes and shapes of its tensors, and one that once took gigabytes."""

import json
import pathlib
import struct

FUZZ = pathlib.Path(__file__).resolve().parent
CORPUS = FUZZ / "corpus/model_config"
MODELS = FUZZ.parent / "golden/models"


def tensors(path):
    data = path.read_bytes()
    header = json.loads(data[8 : 8 + struct.unpack("<Q", data[:8])[0]])
    header.pop("__metadata__", None)
    return {name: [entry["dtype"], *entry["shape"]] for name, entry in sorted(header.items())}


def seeds():
    for folder in sorted(path.parent for path in MODELS.glob("*/config.json")):
        config = json.loads((folder / "config.json").read_text())
        yield folder.name, {"config": config, "tensors": tensors(folder / "model.safetensors")}
        if folder.name == "mixtral":
            yield "many-experts", {"config": config | {"num_hidden_layers": 1024, "num_local_experts": 4096}}


def main():
    CORPUS.mkdir(parents=True, exist_ok=True)
    for name, document in seeds():
        (CORPUS / name).write_text(json.dumps(document) + "\n")


if __name__ == "__main__":
    main()
