"""Who may ask: keys with scopes, and JSON Web Tokens made by PyJWT, right ones and forged ones."""

import base64
import hashlib
import hmac
import json
import time

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from server import serving

SECRET = "a secret of thirty-two characters"


def status(server, token, method="GET", path="/v1/models"):
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    return server.ask(method, path, {"content": "x"} if method == "POST" else None, headers)[0]


def test_keys_allow_what_they_say(tidemill, tiny_model, tmp_path):
    keys = tmp_path / "keys.txt"
    keys.write_text(
        "plain:0123456789abcdef-plain\nwatch:0123456789abcdef-watch metrics\nboth:0123456789abcdef-both infer,metrics\n"
        "none:0123456789abcdef-none \n"
    )
    with serving(tidemill, tiny_model, "--api-key-file", keys) as server:
        asked = [("GET", "/v1/models"), ("POST", "/tokenize"), ("GET", "/metrics")]
        found = {name: [status(server, f"0123456789abcdef-{name}", *ask) for ask in asked] for name in ["plain", "watch", "both", "none"]}
        assert found == {"plain": [200, 200, 200], "watch": [200, 403, 200], "both": [200, 200, 200], "none": [200, 403, 403]}
        assert status(server, "", path="/metrics") == 401 and status(server, "", path="/health") == 200
        _, _, answer = server.ask("POST", "/tokenize", {"content": "x"}, {"x-api-key": "0123456789abcdef-watch"})
        assert answer["error"]["code"] == "insufficient_scope" and "infer" in answer["error"]["message"]


@pytest.mark.parametrize("line", ["a:short", "a:0123456789abcdef root", "0123456789abcde"])
def test_bad_keys_are_refused_without_being_told(tidemill, tiny_model, tmp_path, line):
    keys = tmp_path / "keys.txt"
    keys.write_text("# first\n" + line)
    done = tidemill.run("serve", tiny_model, "--api-key-file", keys, "--check")
    assert done.returncode in (2, 3) and "line 2: " in done.stderr and "0123456789abcde" not in done.stderr


KEYS = {
    "RS256": rsa.generate_private_key(public_exponent=65537, key_size=2048),
    "ES256": ec.generate_private_key(ec.SECP256R1()),
    "EdDSA": ed25519.Ed25519PrivateKey.generate(),
}
OTHERS = {
    "RS256": rsa.generate_private_key(public_exponent=65537, key_size=2048),
    "ES256": ec.generate_private_key(ec.SECP256R1()),
    "EdDSA": ed25519.Ed25519PrivateKey.generate(),
    "HS256": SECRET + "!",
}


def pem(key):
    return key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


def signed(algorithm, key, headers=None, **claims):
    claims = {"sub": "alice", "exp": int(time.time()) + 600} | claims
    return jwt.encode({name: value for name, value in claims.items() if value is not None}, key, algorithm, headers)


@pytest.fixture(scope="module", params=["RS256", "ES256", "EdDSA", "HS256"])
def secured(request, tidemill, tiny_model, tmp_path_factory):
    """A server of one key, with its algorithm and what signs for it."""
    algorithm = request.param
    path = tmp_path_factory.mktemp("jwt") / "key"
    path.write_bytes(SECRET.encode() + b"\n" if algorithm == "HS256" else pem(KEYS[algorithm]))
    with serving(tidemill, tiny_model, "--jwt-key-file", path, "--jwt-issuer", "us", "--jwt-audience", "mill") as server:
        key = SECRET if algorithm == "HS256" else KEYS[algorithm]
        yield server, algorithm, lambda **claims: signed(algorithm, key, **{"iss": "us", "aud": "mill"} | claims)


def test_a_right_token_is_taken(secured):
    server, _, token = secured
    assert status(server, token()) == status(server, token(), "POST", "/tokenize") == 200
    assert status(server, token(aud=["other", "mill"], nbf=int(time.time()) - 5)) == 200
    assert status(server, token(exp=int(time.time()) - 5)) == 200, "clocks may differ by half a minute"


@pytest.mark.parametrize(
    "claims",
    [
        {"exp": None}, {"exp": 1}, {"exp": int(time.time()) - 60}, {"nbf": int(time.time()) + 3600},
        {"iss": "them"}, {"iss": None}, {"aud": "other"}, {"aud": None}, {"aud": ["a", "b"]},
    ],
)  # fmt: skip
def test_claims_that_are_wrong(secured, claims):
    server, _, token = secured
    assert status(server, token(**claims)) == 401


def test_scopes_of_tokens(secured):
    server, _, token = secured
    assert status(server, token(scope="openid metrics"), path="/metrics") == 200
    assert status(server, token(scope="openid metrics"), "POST", "/tokenize") == 403
    assert status(server, token(scp=["infer"]), "POST", "/tokenize") == 200


def unpadded(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def test_forgeries_are_refused(secured):
    server, algorithm, token = secured
    head, body, signature = token().split(".")
    assert status(server, signed(algorithm, OTHERS[algorithm], iss="us", aud="mill")) == 401
    nobody = unpadded(b'{"alg":"none","typ":"JWT"}')
    for forged in [
        f"{nobody}.{body}.", f"{nobody}.{body}.{signature}", f"{head}.{body}.", f"{head}.{body}", f"{head}.{body}.{signature}x",
        f"{head}.{unpadded(b'{}')}.{signature}", "..", "a.b.c", f"{head}.{body}.{signature}.", f"{head}=.{body}.{signature}",
        f"{unpadded(json.dumps({'alg': algorithm, 'crit': ['exp']}).encode())}.{body}.{signature}", "x" * 20000 + "..",
        f"{unpadded(b'[' * 5000)}.{body}.{signature}",
    ]:  # fmt: skip
        assert status(server, forged) == 401, forged[:80]
    assert status(server, token()) == 200


def test_a_public_key_is_no_secret(secured):
    """Algorithm confusion: a token that is signed with the text of the public key, as if that were a secret."""
    server, algorithm, token = secured
    if algorithm == "HS256":
        pytest.skip("it has no public key")
    body = token().split(".")[1]
    head = unpadded(b'{"alg":"HS256","typ":"JWT"}')
    for key in [pem(KEYS[algorithm]), pem(KEYS[algorithm]).strip()]:
        signature = unpadded(hmac.new(key, f"{head}.{body}".encode(), hashlib.sha256).digest())
        assert status(server, f"{head}.{body}.{signature}") == 401


def test_a_set_of_keys(tidemill, tiny_model, tmp_path):
    algorithms = jwt.algorithms.get_default_algorithms()
    keys = [json.loads(algorithms[name].to_jwk(KEYS[name].public_key())) | {"kid": name, "use": "sig"} for name in KEYS]
    keys.append(json.loads(algorithms["HS256"].to_jwk(SECRET.encode())) | {"kid": "HS256", "alg": "HS256"})
    keys.append(keys[0] | {"use": "enc", "kid": "enc"})
    keys.append({"kty": "OKP", "crv": "X25519", "x": "AA", "kid": "other"})
    path = tmp_path / "jwks.json"
    path.write_text(json.dumps({"keys": keys}))
    signers = KEYS | {"HS256": SECRET}
    with serving(tidemill, tiny_model, "--jwt-jwks-file", path) as server:
        for name, key in signers.items():
            assert status(server, signed(name, key)) == 200, name
            assert status(server, signed(name, key, {"kid": name})) == 200, name
            assert status(server, signed(name, key, {"kid": "enc"})) == 401, name
            assert status(server, signed(name, OTHERS[name], {"kid": name})) == 401, name
    with serving(tidemill, tiny_model, "--jwt-jwks-file", path, "--jwt-algorithm", "EdDSA", "--jwt-algorithm", "ES256") as server:
        assert {name: status(server, signed(name, key)) for name, key in signers.items()} == {
            "RS256": 401, "ES256": 200, "EdDSA": 200, "HS256": 401,
        }  # fmt: skip


def test_keys_and_tokens_together(tidemill, tiny_model, tmp_path):
    path = tmp_path / "secret"
    path.write_text(SECRET)
    with serving(tidemill, tiny_model, "--jwt-key-file", path, "--api-key", "a:0123456789.abc.def.x") as server:
        assert [status(server, token) for token in ["0123456789.abc.def.x", signed("HS256", SECRET), "", "x"]] == [200, 200, 401, 401]


@pytest.mark.parametrize(
    "option, content, words",
    [
        ("--jwt-key-file", b"short", "shorter than 16"), ("--jwt-key-file", b"", "is empty"),
        ("--jwt-key-file", b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", "no public key"),
        ("--jwt-jwks-file", b"{}", "not a JSON Web Key Set"), ("--jwt-jwks-file", b'{"keys":[]}', "no key"),
        ("--jwt-jwks-file", b'{"keys":[{"kty":"RSA","n":"!","e":"AQAB"}]}', "key 0: 'n' is not base64url"),
        ("--jwt-jwks-file", b'{"keys":[{"kty":"RSA","n":"AQAB","e":"AQAB"}]}', "less than 2048 bits"),
        ("--jwt-jwks-file", b'{"keys":[{"kty":"EC","crv":"P-256","x":"AA","y":"AA"}]}', "not a valid public key"),
    ],
)  # fmt: skip
def test_files_of_keys_that_are_wrong(tidemill, tiny_model, tmp_path, option, content, words):
    path = tmp_path / "keys"
    path.write_bytes(content)
    done = tidemill.run("serve", tiny_model, option, path, "--check")
    assert done.returncode == 3 and words in done.stderr and str(path) in done.stderr


def test_algorithms_that_are_wrong(tidemill, tiny_model, tmp_path):
    path = tmp_path / "secret"
    path.write_text(SECRET)
    for name, words in [("none", "none of HS256"), ("RS256", "no key for RS256")]:
        done = tidemill.run("serve", tiny_model, "--jwt-key-file", path, "--jwt-algorithm", name, "--check")
        assert done.returncode == 2 and words in done.stderr


def test_pages_are_named_one_by_one(tidemill, tiny_model):
    done = tidemill.run("serve", tiny_model, "--allow-origin", "*", "--check")
    assert done.returncode == 2 and "--allow-origin" in done.stderr
    with serving(tidemill, tiny_model, "--allow-origin", "https://page.example") as server:
        _, headers, _ = server.ask("GET", "/v1/models", headers={"Origin": "https://page.example"})
        assert headers["access-control-allow-origin"] == "https://page.example" and headers["vary"] == "Origin"
        assert server.ask("OPTIONS", "/v1/completions", headers={"Origin": "https://page.example"})[0] == 204
        assert server.ask("OPTIONS", "/v1/completions", headers={"Origin": "https://evil.example"})[0] == 403
        _, headers, _ = server.ask("GET", "/v1/models")
        assert "access-control-allow-origin" not in headers
