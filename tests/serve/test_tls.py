"""HTTPS: what OpenAI's client sees, old protocols refused, and clients that leave noticed as without it."""

import asyncio
import contextlib
import datetime
import ipaddress
import json
import socket
import ssl
import time
import urllib.request

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

# The other one reads and writes by two threads at once, which OpenSSL allows on no connection.
import websockets.asyncio.client

from server import serving


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """(certificate, key) of 127.0.0.1, signed by itself."""
    folder = tmp_path_factory.mktemp("tls")
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.datetime.now(datetime.timezone.utc)
    made = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1)).not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    (folder / "cert.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return folder / "cert.pem", folder / "key.pem"


@pytest.fixture(scope="module")
def secure(tidemill, chat_model, certificate):
    arguments = ["--tls-cert-file", certificate[0], "--tls-key-file", certificate[1], "--max-running", "2", "--threads", "1"]
    with serving(tidemill, chat_model, *arguments) as server:
        yield server


def expect_nothing_runs(server, context):
    """Soon, while the texts that were asked for would take minutes."""
    for _ in range(100):
        told = ask(server, context, "/metrics").decode()
        if all(line.endswith(" 0") for line in told.splitlines() if line.startswith("tidemill_requests_running")):
            return
        time.sleep(0.1)
    raise AssertionError("texts run that nobody waits for")


@pytest.fixture
def trusting(certificate):
    return ssl.create_default_context(cafile=certificate[0])


def ask(server, context, path, body=None):
    request = urllib.request.Request(f"https://127.0.0.1:{server.port}{path}", headers={"Content-Type": "application/json"})
    request.data = json.dumps(body).encode() if body else None
    with urllib.request.urlopen(request, context=context, timeout=60) as answer:
        return answer.read()


def test_requests_and_streams(secure, trusting):
    assert json.loads(ask(secure, trusting, "/v1/models"))["data"][0]["id"] == "tiny-chat"
    body = {"prompt": "x", "max_tokens": 200, "temperature": 0, "ignore_eos": True}
    whole = json.loads(ask(secure, trusting, "/v1/completions", body))["choices"][0]["text"]
    events = ask(secure, trusting, "/v1/completions", body | {"stream": True}).decode().split("\n\n")
    assert events[-2:] == ["data: [DONE]", ""]
    assert "".join(json.loads(event[6:])["choices"][0]["text"] for event in events[:-2]) == whole


def test_a_websocket(secure, trusting):
    body = {"prompt": "the mill", "max_tokens": 20, "temperature": 0, "ignore_eos": True}
    whole = json.loads(ask(secure, trusting, "/v1/completions", body))["choices"][0]["text"]

    async def write_three():
        async with websockets.asyncio.client.connect(f"wss://127.0.0.1:{secure.port}/v1/stream", ssl=trusting) as stream:
            for name in "abc":
                await stream.send(json.dumps({"id": name, **body}))
            texts, n_left = dict.fromkeys("abc", ""), 3
            while n_left:
                message = json.loads(await asyncio.wait_for(stream.recv(), 60))
                if message["type"] == "chunk":
                    texts[message["id"]] += message["data"]["choices"][0]["text"]
                else:
                    assert message["type"] == "done"
                    n_left -= 1
            return texts

    texts = asyncio.run(write_three())
    assert set(texts.values()) == {whole}


def test_a_websocket_that_breaks_off_frees_its_places(secure, trusting):
    async def break_off():
        stream = await websockets.asyncio.client.connect(f"wss://127.0.0.1:{secure.port}/v1/stream", ssl=trusting)
        for name in "abc":
            await stream.send(json.dumps({"id": name, "prompt": "x", "max_tokens": 20000, "ignore_eos": True}))
        await asyncio.wait_for(stream.recv(), 60)
        stream.transport.abort()  # without a word of WebSocket or TLS

    for _ in range(10):
        asyncio.run(break_off())
    expect_nothing_runs(secure, trusting)


def connect(server, context):
    return context.wrap_socket(socket.create_connection(("127.0.0.1", server.port), timeout=30), server_hostname="127.0.0.1")


def test_old_protocols_are_refused(secure, certificate):
    for version, is_taken in [(ssl.TLSVersion.TLSv1_1, False), (ssl.TLSVersion.TLSv1_2, True), (ssl.TLSVersion.TLSv1_3, True)]:
        context = ssl.create_default_context(cafile=certificate[0])
        context.set_ciphers("ALL:@SECLEVEL=0")
        context.minimum_version = context.maximum_version = version
        if is_taken:
            connect(secure, context).close()
        else:
            with pytest.raises((ssl.SSLError, ConnectionError)):
                connect(secure, context)


def test_http_1_1_is_what_is_agreed_on(secure, trusting):
    trusting.set_alpn_protocols(["h2", "http/1.1"])
    with connect(secure, trusting) as connection:
        assert connection.selected_alpn_protocol() == "http/1.1"


def test_clients_that_leave_free_their_places(secure, trusting):
    body = json.dumps({"prompt": "x", "max_tokens": 8000, "ignore_eos": True, "stream": True}).encode()
    head = b"POST /v1/completions HTTP/1.1\r\nContent-Type: application/json\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n"
    for _ in range(20):
        connection = connect(secure, trusting)
        connection.sendall(head % len(body) + body)
        assert connection.recv(4096).startswith(b"HTTP/1.1 200")
        connection.close()
    expect_nothing_runs(secure, trusting)


def test_what_is_no_tls_ends_and_nobody_notices(secure, trusting):
    for nonsense in [b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\xff\xff" + b"x" * 70000, b"\x00"]:
        with socket.create_connection(("127.0.0.1", secure.port), timeout=30) as connection:
            with contextlib.suppress(OSError):  # the server may have closed it meanwhile
                connection.sendall(nonsense)
                connection.shutdown(socket.SHUT_WR)
                while connection.recv(4096):
                    pass
    assert ask(secure, trusting, "/health")


def test_files_that_are_wrong(tidemill, tiny_model, certificate, tmp_path):
    cert, key = certificate
    empty = tmp_path / "empty.pem"
    empty.write_text("")
    for arguments, words, status in [
        (["--tls-cert-file", cert], "need each other", 2), (["--tls-key-file", key], "need each other", 2),
        (["--tls-cert-file", empty, "--tls-key-file", key], "is no certificate", 3),
        (["--tls-cert-file", cert, "--tls-key-file", cert], "is not the private key", 3),
        (["--tls-cert-file", tmp_path / "none", "--tls-key-file", key], "cannot be read", 3),
        (["--tls-min-version", "1.1"], "neither", 2),
    ]:  # fmt: skip
        done = tidemill.run("serve", tiny_model, *arguments, "--check")
        assert done.returncode == status and words in done.stderr, done.stderr
