"""The installed package, and models to try it on."""

import pathlib

import pytest
import tidemill
from hypothesis import settings

settings.register_profile("tidemill", deadline=None)  # a busy machine is no mistake
settings.load_profile("tidemill")

ROOT = pathlib.Path(__file__).resolve().parents[2]
GOLDEN = ROOT / "tests/golden"


@pytest.fixture(scope="session")
def tiny_model():
    """A tiny random Gemma 3 with a tokenizer."""
    return GOLDEN / "gemma3/model.gguf"


@pytest.fixture(scope="session")
def engine(tiny_model):
    return tidemill.Engine.load(tiny_model, threads=1)


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    from public_calls import World  # it needs this file

    return World(tmp_path_factory.mktemp("world"))


@pytest.fixture(scope="module")
def table(world):
    from public_calls import calls

    return calls(world)
