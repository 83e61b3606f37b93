"""A server of the tiny Gemma, with a chat template, for all tests that change nothing about it."""

import pytest
from server import serving
from tool_formats import write_models


@pytest.fixture(scope="session")
def server(tidemill, chat_model):
    with serving(tidemill, chat_model, "--threads", "2") as running:
        yield running


@pytest.fixture(scope="session")
def tool_server(tidemill, tmp_path_factory):
    """A server of models that call tools, one for each format."""
    models = write_models(tmp_path_factory.mktemp("tools"))
    with serving(tidemill, *models, "--threads", "1", "--max-running", "4", "--prefix-cache-mib", "1", "--ctx", "2048") as running:
        yield running
