"""Runs one replica's container and stands for it: its output is the container's, its end is the container's.

usage: python launcher.py CONTAINER.json

The keeper starts it in place of a server. A container of the same specification that runs already is taken over: one
whose launcher was killed goes on, and is never doubled. SIGTERM lets the container drain, SIGINT kills it. Beside
CONTAINER.json stands CONTAINER.json.state, {"pid": of its first process}, from when it runs. Standard library only.
"""

import json
import os
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

from endpoints.compute.containers.engine import Engine, EngineError

PULL_SECONDS = 1200.0
LABEL = "endpoint-studio"


class Launcher:
    def __init__(self, path: Path) -> None:
        self.state = path.with_name(f"{path.name}.state")
        self.spec: dict[str, Any] = json.loads(path.read_text())
        self.engine = Engine(self.spec["socket"])
        self.name: str = self.spec["name"]

    def run(self) -> int:
        self.state.unlink(missing_ok=True)
        since = int(time.time())
        if not self.taken_over():
            self.pull()
            self.begin()
        self.tell()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self.on_signal)
        output = threading.Thread(target=self.follow, args=(since,), daemon=True)
        output.start()
        code = self.waited()
        output.join(5)
        return self.ended(code)

    def taken_over(self) -> bool:
        found = self.engine.inspect(self.name)
        if found is None:
            return False
        same = found["Config"]["Labels"].get(f"{LABEL}.specification") == self.spec["hash"]
        if same and found["State"]["Running"]:
            say("took over the container that runs already")
            return True
        self.engine.remove(self.name)
        return False

    def pull(self) -> None:
        if self.engine.has_image(self.spec["image"]):
            return
        say(f"pulling {self.spec['image']}")
        try:
            for line in self.engine.pull(self.spec["image"], self.spec["registry"], PULL_SECONDS):
                if "ing" not in line.split(" ")[0]:  # Downloading, Extracting: hundreds of lines
                    say(line)
        except EngineError as error:
            sys.exit(f"ImagePullFailed: {self.spec['image']} cannot be pulled: {error}")

    def begin(self) -> None:
        try:
            self.engine.create(self.name, self.spec["create"])
            self.engine.start(self.name)
        except EngineError as error:
            self.engine.remove(self.name)
            sys.exit(f"ContainerStartFailed: {self.spec['image']} cannot be started: {error}")

    def tell(self) -> None:
        found = self.engine.inspect(self.name) or {"State": {"Pid": None}}
        temporary = self.state.with_name(f".{self.state.name}")
        temporary.write_text(json.dumps({"pid": found["State"]["Pid"] or None}))
        temporary.replace(self.state)

    def on_signal(self, number: int, _: object) -> None:
        seconds = self.spec["drain_seconds"] if number == signal.SIGTERM else 0
        threading.Thread(target=self.stop, args=(seconds,), daemon=True).start()

    def stop(self, seconds: float) -> None:
        try:
            self.engine.stop(self.name, seconds)
        except EngineError as error:
            say(f"the container cannot be stopped: {error}")

    def follow(self, since: int) -> None:
        try:
            for part in self.engine.output(self.name, since=since):
                os.write(1, part)
        except EngineError as error:
            say(f"its output cannot be read any more: {error}")

    def waited(self) -> int:
        """An engine that restarts lets go of its callers, and its containers may go on."""
        while True:
            try:
                return self.engine.wait(self.name)
            except EngineError as error:
                say(f"{error}")
                time.sleep(1)
                if error.status == 404:
                    return 137

    def ended(self, code: int) -> int:
        found = self.engine.inspect(self.name)
        if found and found["State"].get("OOMKilled"):
            say(f"OutOfMemory: the container used more than the {self.spec['memory_mib']} MiB of its instance type")
        self.engine.remove(self.name)
        return code


def say(text: str) -> None:
    os.write(2, f"container: {text}\n".encode())


if __name__ == "__main__":
    try:
        sys.exit(Launcher(Path(sys.argv[1])).run())
    except EngineError as problem:
        sys.exit(f"ContainerEngineFailed: {problem}")
