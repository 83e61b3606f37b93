"""A server under test: started on a free port, stopped when the test is over."""

import contextlib
import http.client
import json
import re
import signal
import subprocess
import threading


class Server:
    def __init__(self, process, port, lines):
        self.process, self.port, self.lines = process, port, lines
        self.url = f"http://127.0.0.1:{port}"

    def ask(self, method, path, body=None, headers=None):
        """(status, headers, JSON or text) of one request; a dict is sent as JSON."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        headers = dict(headers or {})
        if isinstance(body, dict):
            body = json.dumps(body)
        if body is not None:
            headers.setdefault("Content-Type", "application/json")
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        text = answer.read()
        connection.close()
        is_json = answer.headers.get("Content-Type", "").startswith("application/json")
        return answer.status, answer.headers, json.loads(text) if is_json and text else text

    def complete(self, **body):
        status, _, answer = self.ask("POST", "/v1/completions", body)
        assert status == 200, answer
        return answer

    def stop(self, expected=0):
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(timeout=60) == expected, "".join(self.lines)


@contextlib.contextmanager
def serving(tidemill, *arguments, env=None):
    """Runs `tidemill serve`; what it says is collected while it runs."""
    process = subprocess.Popen(
        [tidemill.program, "serve", *map(str, arguments), "--port", "0"], stderr=subprocess.PIPE, text=True, env=env
    )
    lines, port = [], None
    for line in process.stderr:
        lines.append(line)
        if found := re.search(r"listening on https?://\S+:(\d+)", line):
            port = int(found[1])
            break
    assert port, f"ended with {process.wait()}: {''.join(lines)}"
    reader = threading.Thread(target=lambda: lines.extend(process.stderr), daemon=True)
    reader.start()
    try:
        yield Server(process, port, lines)
    finally:
        process.kill()
        process.wait()
        reader.join()
