"""An OpenID Connect provider on this machine, as small as one can be: discovery document, keys, tokens."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.tokens import Signer, jwks

DISCOVERY = "/.well-known/openid-configuration"


@dataclass(eq=False)
class LocalIssuer:
    """`signers` are in its key set now. `answers` stand in for what a path would get: (status, headers, body)."""

    url: str = ""
    signers: list[Signer] = field(default_factory=list)
    answers: dict[str, tuple[int, dict[str, str], bytes]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def rotate(self) -> Signer:
        """One more key, which signs from now on."""
        made = Signer(self.url, f"key-{len(self.signers) + 1}")
        self.signers.append(made)
        return made

    def token(self, subject: str = "ada", **claims: Any) -> str:
        return self.signers[-1].token(subject, **claims)

    def answer(self, path: str) -> tuple[int, dict[str, str], bytes]:
        self.asked.append(path)
        if path in self.answers:
            return self.answers[path]
        documents = {
            DISCOVERY: json.dumps({"issuer": self.url, "jwks_uri": f"{self.url}/keys"}),
            "/keys": jwks(*self.signers),
        }
        found = documents.get(path)
        return (200, {}, found.encode()) if found is not None else (404, {}, b"")


@contextmanager
def local_issuer() -> Iterator[LocalIssuer]:
    issuer = LocalIssuer()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, headers, body = issuer.answer(self.path)
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
