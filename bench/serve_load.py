"""What bench/serve.py asks of servers: streams of completions over plain sockets, as light as Python can be, and servers to
be asked.
"""

import asyncio
import contextlib
import functools
import json
import os
import pathlib
import re
import socket
import subprocess
import time
import urllib.request

CLOCK_TICKS = os.sysconf("SC_CLK_TCK")
ROOT = pathlib.Path(__file__).resolve().parents[1]
EVENT = b"data: {"
USAGE = re.compile(rb'"completion_tokens": ?(\d+)')
BETWEEN_BEGINNINGS = 37  # words: prompts next to each other share none of theirs at the same place


@functools.cache
def prose():
    """The words of the pages of documentation, without tables and code: a text that does not repeat itself."""
    pages = "\n".join(page.read_text(encoding="utf-8") for page in sorted((ROOT / "docs").glob("*.md")))
    without_code = re.sub(r"```.*?```", "", pages, flags=re.DOTALL)
    return " ".join(line for line in without_code.splitlines() if not line.startswith(("|", "#"))).split()


def prompt(index, n_words):
    """Texts that begin differently, so that no server can take one from another."""
    words = prose()
    return " ".join(words[(index * BETWEEN_BEGINNINGS + word) % len(words)] for word in range(n_words))


class Server:
    def __init__(self, process, port):
        self.process, self.port = process, port

    def cpu_seconds(self):
        fields = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / CLOCK_TICKS

    def resident_bytes(self):
        return int(pathlib.Path(f"/proc/{self.process.pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE")


@contextlib.contextmanager
def serving(command, path="/v1/models", seconds=120):
    """Runs a server; `command` has PORT where its port goes."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    words = [str(word).replace("PORT", str(port)) for word in command]
    process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        until = time.monotonic() + seconds
        while True:
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10).read()
                break
            except OSError:
                if process.poll() is not None or time.monotonic() > until:
                    raise SystemExit(f"error: {words[0]}: does not serve") from None
                time.sleep(0.1)
        yield Server(process, port)
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


async def complete(port, text, n_tokens, stream=True, leave_after=None):
    """One completion that no end of a text cuts short; (seconds to the first token, tokens that came). `leave_after`: closes
    the connection after so many events."""
    body = {"prompt": text, "max_tokens": n_tokens, "temperature": 0, "stream": stream, "ignore_eos": True}
    if stream:
        body["stream_options"] = {"include_usage": True}
    data = json.dumps(body).encode()
    begin = time.monotonic()
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    head = f"POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: {len(data)}\r\n\r\n"
    writer.write(head.encode() + data)
    first, n_events, n_told, unread = None, 0, None, b""
    try:
        status = (await reader.readline()).split()[1:2]
        if status != [b"200"]:
            raise RuntimeError(f"status {b''.join(status).decode()}")
        while piece := await reader.read(65536):
            unread += piece
            n_new = unread.count(EVENT)
            if n_new and first is None:
                first = time.monotonic() - begin
            n_events += n_new
            if told := USAGE.findall(unread):
                n_told = int(told[-1])
            unread = unread[unread.rfind(EVENT) + 1 :]  # the last event may go on
            if leave_after is not None and n_events >= leave_after:
                break
    finally:
        writer.close()
    # A server that does not tell what it has written sends an event for each token and one for the end.
    return first or time.monotonic() - begin, n_events - 1 if n_told is None else n_told


def at_once(port, n_streams, n_tokens, stream=True, n_words=48):
    """(tokens a second of all together, median seconds to the first token)."""

    async def ask_all():
        return await asyncio.gather(*(complete(port, prompt(index, n_words), n_tokens, stream) for index in range(n_streams)))

    begin = time.monotonic()
    answers = asyncio.run(ask_all())
    seconds = time.monotonic() - begin
    return sum(n for _, n in answers) / seconds, sorted(first for first, _ in answers)[len(answers) // 2]
