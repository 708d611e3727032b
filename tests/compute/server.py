"""A replica whose health a test decides: the files `not-live` and `not-ready` beside its socket make it answer 503.

usage: python server.py SOCKET
"""

import json
import os
import socketserver
import sys
from http.server import BaseHTTPRequestHandler
from pathlib import Path

_held: list[bytes] = []


class Handler(BaseHTTPRequestHandler):
    wbufsize = -1  # an answer in one piece

    def do_GET(self) -> None:
        route = self.path.strip("/")
        if route == "environment":
            self._answer(200, json.dumps(dict(os.environ)))
        elif route.startswith("hold-"):
            _held.append(os.urandom(1) * int(route.removeprefix("hold-")))
            self._answer(200, "held")
        else:
            self._answer(503 if Path(f"{sys.argv[1]}.not-{route}").exists() else 200, str(os.getpid()))

    def _answer(self, status: int, text: str) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    def address_string(self) -> str:
        return "gateway"


if __name__ == "__main__":
    sys.stderr.write("listening\n")
    socketserver.ThreadingUnixStreamServer(sys.argv[1], Handler).serve_forever()
