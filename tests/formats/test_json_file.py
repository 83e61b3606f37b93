"""config.json as Python's json module and transformers read it: the same documents, the same texts refused."""

import json
import math
import os
import pathlib
import random
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
TOOL = pathlib.Path(os.environ.get("TIDEMILL_BUILD", ROOT / "build/release")) / "json_file_tool"
FLOATS = {"Infinity": math.inf, "-Infinity": -math.inf, "NaN": math.nan}
CONFIG = """{
  "architectures": ["MambaForCausalLM"], "model_type": "mamba2", "time_step_limit": [0.0, {"__float__": "Infinity"}],
  "rope_parameters": {"factor": 4.0, "beta_fast": 32, "x": null}, "eps": 1e-05,
  "tie": false, "n": -12, "é": "\\u00fc\\n\\"",
  "bare": [Infinity, -Infinity, NaN], "text": "NaN", "tag": {"__float__": "1"}
}"""


@pytest.fixture(name="ours")
def ask_ours(tmp_path):
    def ask(texts):
        paths = [tmp_path / f"{number}.json" for number in range(len(texts))]
        for path, text in zip(paths, texts):
            path.write_bytes(text.encode())
        lines = "\n".join(map(str, paths))
        answer = subprocess.run([TOOL], input=lines, capture_output=True, text=True, check=True).stdout.splitlines()
        assert len(answer) == len(texts)
        return [None if line.startswith("error: ") else untagged(json.loads(line)) for line in answer]

    return ask


def untagged(value):
    """What transformers makes of tagged numbers."""
    if isinstance(value, dict):
        if value.keys() == {"__float__"} and value["__float__"] in [*FLOATS]:
            return FLOATS[value["__float__"]]
        return {key: untagged(item) for key, item in value.items()}
    return [untagged(item) for item in value] if isinstance(value, list) else value


def with_comparable_nan(value):
    if isinstance(value, dict):
        return {key: with_comparable_nan(item) for key, item in value.items()}
    if isinstance(value, list):
        return [with_comparable_nan(item) for item in value]
    return "a NaN" if value != value else value


def python_reads(text):
    """The document, or None."""
    try:
        return untagged(json.loads(text))
    except (json.JSONDecodeError, RecursionError):
        return None


def only_python_reads(text):
    """Whether a text that Python reads holds what ours refuses: a number past a double's range, half a surrogate."""
    too_large = []

    def note(literal):
        too_large.append(abs(float(literal)) == math.inf)

    json.loads(text, parse_float=note, parse_int=note)
    try:
        json.dumps(json.loads(text), ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return True
    return any(too_large)


def mutate(source, text):
    at, length = source.randrange(len(text)), source.randrange(1, 6)
    pieces = [*'{}[],:"\\ -.0123456789eE\n\x01', "NaN", "Infinity", "-Infinity", "null", "true", '"__float__"', "\\u"]
    kind = source.randrange(3)
    if kind == 0:
        return text[:at] + source.choice(pieces) + text[at:]
    if kind == 1:
        return text[:at] + text[at + length :]
    return text[:at] + source.choice(pieces) + text[at + length :]


def test_a_config_with_everything(ours):
    (found,) = ours([CONFIG])
    assert with_comparable_nan(found) == with_comparable_nan(python_reads(CONFIG))
    assert found["bare"][:2] == [math.inf, -math.inf] and found["time_step_limit"][1] == math.inf


@pytest.mark.parametrize("seed", range(3))
def test_random_changes(ours, seed):
    source = random.Random(seed)
    texts = []
    for number in range(1500):
        text = CONFIG if number % 2 else '{"a": [NaN, -Infinity, {"__float__": "NaN"}], "b": 1.5}'
        for _ in range(1 + number % 3):
            text = mutate(source, text)
        texts.append(text)
    n_read = 0
    for text, found in zip(texts, ours(texts)):
        expected = python_reads(text)
        n_read += found is not None
        if with_comparable_nan(found) != with_comparable_nan(expected):
            assert found is None and only_python_reads(text), (text, found, expected)
    assert 100 < n_read < 1400
