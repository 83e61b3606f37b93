"""Schemathesis against /openapi.json: no request that can be made from it, or nearly, breaks the server or its word."""

import pathlib
import subprocess
import sys

from server import serving

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "embed"))

from cross_encoder import CrossEncoder  # noqa: E402

CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"


def test_the_server_keeps_to_its_document(tidemill, chat_model, tmp_path):
    cross_encoder = CrossEncoder(tmp_path)
    models = ["--model", f"chat={chat_model}", "--model", f"vectors={cross_encoder.plain}", "--model", f"cross={cross_encoder.folder}"]
    with serving(tidemill, *models, "--threads", "1", "--max-queued", "1000", "--ctx", "256") as server:
        done = subprocess.run(
            [sys.executable, "-m", "schemathesis.cli", "run", f"{server.url}/openapi.json", "--max-examples", "15", "--seed", "1",
             "--phases", "fuzzing,coverage", "--checks", CHECKS, "--request-timeout", "30", "--no-color"],
            capture_output=True, text=True, timeout=300, cwd=tmp_path,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-1000:]
        assert server.ask("GET", "/health")[0] == 200
