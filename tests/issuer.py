"""An OpenID Connect provider on this machine: discovery document, keys, tokens, sign-in by code flow with PKCE."""

import base64
import hashlib
import json
import secrets
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit

from tests.tokens import Signer, jwks

DISCOVERY = "/.well-known/openid-configuration"


@dataclass(eq=False)
class LocalIssuer:
    """`signers` are in its key set now. `answers` stand in for what a path would get: (status, headers, body).

    `person`: the claims of who is signed in there. `forge` makes the ID token, in place of the newest signer.
    """

    url: str = ""
    signers: list[Signer] = field(default_factory=list)
    answers: dict[str, tuple[int, dict[str, str], bytes]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    clients: dict[str, str] = field(default_factory=dict)  # id: secret; empty for a public one
    person: dict[str, Any] = field(default_factory=lambda: {"sub": "ada"})
    forge: Callable[[dict[str, Any]], str] | None = None
    codes: dict[str, dict[str, str]] = field(default_factory=dict)

    def rotate(self) -> Signer:
        """One more key, which signs from now on."""
        made = Signer(self.url, f"key-{len(self.signers) + 1}")
        self.signers.append(made)
        return made

    def token(self, subject: str = "ada", **claims: Any) -> str:
        return self.signers[-1].token(subject, **claims)

    def authorize(self, query: str) -> tuple[int, dict[str, str], bytes]:
        """Whoever is signed in there agrees at once."""
        asked = dict(parse_qsl(query))
        if asked.get("client_id") not in self.clients or asked.get("response_type") != "code":
            return 400, {}, b"unknown client"
        code = secrets.token_urlsafe(16)
        self.codes[code] = asked
        back = urlencode({"code": code, "state": asked["state"]})
        return 302, {"location": f"{asked['redirect_uri']}?{back}"}, b""

    def exchange(self, body: str, authorization: str) -> tuple[int, dict[str, str], bytes]:
        """A code is good once, for the client that got it, at the address that it named, with what it had hashed."""
        given = dict(parse_qsl(body))
        asked = self.codes.pop(given.get("code", ""), {})
        client, secret = _client(given, authorization)
        good = asked.get("client_id") == client and self.clients.get(client) == secret
        good = good and given.get("redirect_uri") == asked["redirect_uri"]
        if not good or challenge_of(given.get("code_verifier", "")) != asked.get("code_challenge"):
            return 400, {"content-type": "application/json"}, b'{"error": "invalid_grant"}'
        claims = {"aud": client, "nonce": asked.get("nonce"), **self.person}
        token = self.forge(claims) if self.forge else self.token(claims.pop("sub"), **claims)
        answer = {"access_token": "opaque", "token_type": "Bearer", "id_token": token}
        return 200, {"content-type": "application/json"}, json.dumps(answer).encode()

    def answer(self, path: str) -> tuple[int, dict[str, str], bytes]:
        self.asked.append(path)
        if path.startswith("/authorize?"):
            return self.authorize(urlsplit(path).query)
        if path in self.answers:
            return self.answers[path]
        documents = {
            DISCOVERY: json.dumps(
                {
                    "issuer": self.url,
                    "jwks_uri": f"{self.url}/keys",
                    "authorization_endpoint": f"{self.url}/authorize",
                    "token_endpoint": f"{self.url}/token",
                }
            ),
            "/keys": jwks(*self.signers),
        }
        found = documents.get(path)
        return (200, {}, found.encode()) if found is not None else (404, {}, b"")


def _client(given: dict[str, str], authorization: str) -> tuple[str, str]:
    if not authorization:
        return given.get("client_id", ""), given.get("client_secret", "")
    client, _, secret = base64.b64decode(authorization.removeprefix("Basic ")).decode().partition(":")
    return unquote(client), unquote(secret)


def challenge_of(verifier: str) -> str:
    """RFC 7636, S256."""
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()


@contextmanager
def local_issuer() -> Iterator[LocalIssuer]:
    issuer = LocalIssuer()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send(*issuer.answer(self.path))

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", "0"))).decode()
            issuer.asked.append(self.path)
            self.send(*issuer.exchange(body, self.headers.get("authorization", "")))

        def send(self, status: int, headers: dict[str, str], body: bytes) -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    issuer.url = f"http://127.0.0.1:{server.server_port}"
    issuer.rotate()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield issuer
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)
