"""Who may administer: the static token, and JSON Web Tokens with the role Admin, made here by PyJWT."""
import base64
import json
import os
import time

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from service import Service, run

TOKEN = "admin-token"
SECRET = "a secret of thirty-two bytes or more"
ISSUER, AUDIENCE = "https://id.okla.com.do", "event-tracking"
DOTNET = "http://schemas.microsoft.com/ws/2008/06/identity/claims/role"
KEYS = {"rsa": rsa.generate_private_key(65537, 2048), "ec": ec.generate_private_key(ec.SECP256R1())}
OTHERS = {"rsa": rsa.generate_private_key(65537, 2048), "ec": ec.generate_private_key(ec.SECP256R1())}
ALGORITHMS = {"rsa": ("RS256", jwt.algorithms.RSAAlgorithm), "ec": ("ES256", jwt.algorithms.ECAlgorithm)}


def public(kind, **members):
    return {**ALGORITHMS[kind][1].to_jwk(KEYS[kind].public_key(), as_dict=True), **members}


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    folder = tmp_path_factory.mktemp("access")
    keys = {"keys": [public("rsa", kid="r", alg="RS256", use="sig"), public("ec", kid="e"), {"kty": "oct", "k": "AAAA"},
                     public("rsa", kid="other use", use="enc")]}
    (folder / "jwks.json").write_text(json.dumps(keys))
    with Service(folder / "data", {
            "ADMIN_TOKEN": TOKEN, "ADMIN_JWT_SECRET": SECRET, "ADMIN_JWT_JWKS_FILE": str(folder / "jwks.json"),
            "ADMIN_JWT_ISSUER": ISSUER, "ADMIN_JWT_AUDIENCE": AUDIENCE}) as service:
        yield service


FROM = iter(range(1, 1 << 16))


def ask(service, token, address=None, path="/api/admin/consumers"):
    """From an address of its own, as a trusted proxy says: what others tried does not count."""
    number = next(FROM)
    address = address or f"203.0.{number >> 8}.{number & 255}"
    return service.request("GET", path, headers={"Authorization": f"Bearer {token}", "X-Forwarded-For": address})


def claims(**changes):
    made = {"role": "Admin", "exp": time.time() + 600, "iss": ISSUER, "aud": AUDIENCE, **changes}
    return {name: value for name, value in made.items() if value is not None}


def token(key=SECRET, algorithm="HS256", headers=None, **changes):
    return jwt.encode(claims(**changes), key, algorithm, headers)


def unsigned(header, payload):
    parts = [base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in (header, payload)]
    return ".".join(parts) + "."


GOOD = {
    "a shared secret": lambda: token(),
    "RSA": lambda: token(KEYS["rsa"], "RS256", {"kid": "r"}),
    "an elliptic curve": lambda: token(KEYS["ec"], "ES256", {"kid": "e"}),
    "RSA, without a kid": lambda: token(KEYS["rsa"], "RS256"),
    "a curve, without a kid": lambda: token(KEYS["ec"], "ES256"),
    "roles": lambda: token(role=None, roles=["User", "Admin"]),
    ".NET's role": lambda: token(role=None, **{DOTNET: "Admin"}),
    ".NET's roles": lambda: token(role="User", **{DOTNET: ["Admin", "User"]}),
    "several audiences": lambda: token(aud=["other", AUDIENCE]),
    "valid by now": lambda: token(nbf=time.time() - 5),
    "a clock that is a little behind": lambda: token(exp=time.time() - 20, nbf=time.time() + 20),
}

BAD = {
    "no algorithm": lambda: unsigned({"alg": "none", "typ": "JWT"}, claims()),
    "no algorithm, in capitals": lambda: unsigned({"alg": "NONE"}, claims()),
    "no header": lambda: unsigned({}, claims()),
    "no signature": lambda: token().rsplit(".", 1)[0] + ".",
    "another secret": lambda: token(SECRET + "!"),
    "another RSA key": lambda: token(OTHERS["rsa"], "RS256", {"kid": "r"}),
    "another curve's key": lambda: token(OTHERS["ec"], "ES256", {"kid": "e"}),
    "another hash": lambda: token(algorithm="HS512"),
    "another hash of RSA": lambda: token(KEYS["rsa"], "RS512", {"kid": "r"}),
    "another padding of RSA": lambda: token(KEYS["rsa"], "PS256", {"kid": "r"}),
    # A public key taken for a secret.
    "a public key as a secret": lambda: signed_with_public_key(),
    "expired": lambda: token(exp=time.time() - 3600),
    "without an end": lambda: token(exp=None),
    "not valid yet": lambda: token(nbf=time.time() + 3600),
    "another issuer": lambda: token(iss="https://id.example.com"),
    "no issuer": lambda: token(iss=None),
    "another audience": lambda: token(aud="another"),
    "no audience": lambda: token(aud=None),
    "an extension that must be known": lambda: token(headers={"crit": ["x"], "x": 1}),
    "changed behind the signature": lambda: changed(),
    "numbers that no integer holds": lambda: unsigned({"alg": "HS256", "x": 1e300, "y": [-1e300, 1e19]}, claims(nbf=1e300)),
    "a deep header": lambda: nested(2000),
    "claims that no integer holds": lambda: token(exp=1e300, nbf=1e300, more=[1e300, -1e19]),
    "no token": lambda: "x.y.z",
    "one too many points": lambda: token() + ".x",
    "dots": lambda: "..",
}


def signed_with_public_key():
    pem = KEYS["rsa"].public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    signer = jwt.algorithms.HMACAlgorithm(jwt.algorithms.HMACAlgorithm.SHA256)
    signed = unsigned({"alg": "HS256", "kid": "r"}, claims())[:-1]
    return signed + "." + base64.urlsafe_b64encode(signer.sign(signed.encode(), pem)).decode().rstrip("=")


def nested(depth):
    header = base64.urlsafe_b64encode(b'{"alg":"HS256","x":' + b"[" * depth + b"]" * depth + b"}").decode().rstrip("=")
    return header + unsigned({}, claims())[unsigned({}, claims()).index("."):]


def changed():
    header, _, signature = token(role="User").split(".")
    return f"{header}.{unsigned({}, claims()).split('.')[1]}.{signature}"


@pytest.mark.parametrize("kind", GOOD)
def test_an_administrators_token_is_let_in(service, kind):
    answer = ask(service, GOOD[kind]())
    assert answer.status == 200, answer.body


@pytest.mark.parametrize("kind", BAD)
def test_another_token_is_refused(service, kind):
    answer = ask(service, BAD[kind]())
    assert answer.status == 401, answer.body
    assert answer.headers["www-authenticate"] == 'Bearer realm="admin", error="invalid_token"'


@pytest.mark.parametrize("roles", [{"role": None}, {"role": "User"}, {"role": "admin"}, {"role": ["Administrator"]}, {"role": {"Admin": 1}}])
def test_another_role_is_forbidden(service, roles):
    answer = ask(service, token(**roles))
    assert answer.status == 403, answer.body
    assert answer.json["code"] == "forbidden"


def test_the_static_token_is_let_in_beside_them(service):
    assert ask(service, TOKEN).status == 200
    assert ask(service, TOKEN + "x").status == 401


def test_metrics_are_told_to_administrators(service):
    assert ask(service, token(), path="/metrics").status == 200
    assert ask(service, token(role="User"), path="/metrics").status == 403
    assert ask(service, "wrong", path="/metrics").status == 403


def test_wrong_tokens_are_limited_by_address(service):
    answers = [ask(service, f"guess-{number}", "198.51.100.7", ["/api/admin/log", "/metrics"][number % 2]) for number in range(10)]
    assert {answer.status for answer in answers} == {401, 403}
    limited = ask(service, "guess-10", "198.51.100.7")
    assert limited.status == 429 and 0 < int(limited.headers["retry-after"]) <= 60
    # Also the right one is not looked at: who guesses it must not learn that from the answer.
    assert ask(service, TOKEN, "198.51.100.7").status == 429
    assert ask(service, TOKEN, "198.51.100.8").status == 200
    # The first hop on the left is what the client itself says.
    assert ask(service, "x", "1.2.3.4, 198.51.100.7").status == 429
    # Who shows nothing has tried nothing, nor has who may do less.
    for _ in range(20):
        assert service.request("GET", "/api/admin/log", headers={"X-Forwarded-For": "198.51.100.9"}).status == 401
        assert ask(service, token(role="User"), "198.51.100.9").status == 403
    assert ask(service, TOKEN, "198.51.100.9").status == 200


@pytest.mark.parametrize("settings, message", [
    ({"ADMIN_JWT_SECRET": "short"}, "Admin.JWT.Secret"), ({"ADMIN_JWT_ISSUER": "x"}, "Admin.JWT.Issuer"),
    ({"ADMIN_JWT_JWKS_FILE": "missing.json"}, "missing.json"), ({"ADMIN_JWT_JWKS_FILE": "empty.json"}, "0 keys"),
    ({"ADMIN_JWT_JWKS_FILE": "weak.json"}, "2048 bits"), ({"ADMIN_JWT_JWKS_FILE": "list.json"}, "no JSON Web Key Set"),
    ({"ADMIN_JWT_JWKS_FILE": "twice.json"}, 'the kid "r"'),
])
def test_keys_that_cannot_be_used_are_refused_at_the_start(tmp_path, settings, message):
    weak = jwt.algorithms.RSAAlgorithm.to_jwk(rsa.generate_private_key(65537, 1024).public_key(), as_dict=True)
    for name, content in {"empty": {"keys": [{"kty": "oct"}]}, "weak": {"keys": [weak]}, "list": [],
                          "twice": {"keys": [public("rsa", kid="r"), public("ec", kid="r")]}}.items():
        (tmp_path / f"{name}.json").write_text(json.dumps(content))
    settings = {name: str(tmp_path / value) if name.endswith("FILE") else value for name, value in settings.items()}
    refused = run("serve", "--port", "0", "--data-dir", tmp_path / "data", env={**os.environ, **settings})
    assert refused.returncode != 0
    assert message in refused.stderr.replace('\\"', '"'), refused.stderr
