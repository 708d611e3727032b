"""A server as somebody brings it: standard library, a port from the environment, and it says what it sees.

usage: python http_server.py [PORT]
"""

import json
import os
import signal
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

ANSWERS = {"/alive": "alive", "/ready": "ready"}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: "Server"

    def do_GET(self) -> None:
        if self.path == "/metrics":
            return self.send(200, "text/plain; version=0.0.4", f"studio_prompt_tokens_total {self.server.read}\n")
        if self.path not in ANSWERS or Path("/tmp/broken").exists():
            return self.answer(404, {"path": self.path})
        return self.answer(200, ANSWERS[self.path])

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0))).decode()
        self.server.read += len(body)
        if body == "memory":
            return self.answer(200, len(b"x" * 10**9))
        if body == "break":
            Path("/tmp/broken").touch()
        if body == "slow":
            time.sleep(2)
        model = os.environ.get("AZUREML_MODEL_DIR", "")
        return self.answer(
            200,
            {
                "path": self.path,
                "body": body,
                "pid": os.getpid(),
                "model_dir": model,
                "model": sorted(path.name for path in Path(model).iterdir()) if model else [],
                "directory": str(Path.cwd()),
                "variable": os.environ.get("COLOUR", ""),
                "port": os.environ.get("PORT", ""),
            },
        )

    def answer(self, status: int, content: object) -> None:
        self.send(status, "application/json", json.dumps(content))

    def send(self, status: int, kind: str, text: str) -> None:
        body = text.encode()
        self.send_response(status)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nothing for each request."""


class Server(ThreadingHTTPServer):
    daemon_threads = False
    read = 0  # characters, which it takes for tokens
    request_queue_size = 128


if __name__ == "__main__":
    port = int(sys.argv[1] if len(sys.argv) > 1 else os.environ["PORT"])
    server = Server((os.environ.get("HOST", "127.0.0.1"), port), Handler)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    print(f"listening on {port}", flush=True)  # noqa: T201
    server.serve_forever()
