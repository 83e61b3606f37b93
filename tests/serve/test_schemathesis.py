"""Schemathesis against /openapi.json: no request that can be made from it, or nearly, breaks the server or its word."""

import subprocess
import sys

from server import serving

CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"


def test_the_server_keeps_to_its_document(tidemill, chat_model, tmp_path):
    with serving(tidemill, chat_model, "--threads", "1", "--max-queued", "1000", "--ctx", "256") as server:
        done = subprocess.run(
            [sys.executable, "-m", "schemathesis.cli", "run", f"{server.url}/openapi.json", "--max-examples", "15", "--seed", "1",
             "--phases", "fuzzing,coverage", "--checks", CHECKS, "--request-timeout", "30", "--no-color"],
            capture_output=True, text=True, timeout=300, cwd=tmp_path,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-1000:]
        assert server.ask("GET", "/health")[0] == 200
