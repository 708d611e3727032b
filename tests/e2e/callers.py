"""Callers of an endpoint who go on until they are told to stop, and remember every answer."""

import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx

from tests.e2e.running import RunningStudio, wait_for

PAUSE_SECONDS = 0.005


@dataclass
class Callers:
    url: str
    key: str
    body: str = "{}"
    answers: list[tuple[Any, Any]] = field(default_factory=list)  # status or what happened instead; what was said
    stopped: bool = False

    @property
    def failures(self) -> Counter[str]:
        return Counter(f"{status}: {said}" for status, said in list(self.answers) if status != 200)

    def mark(self) -> int:
        """Where the answers are now."""
        return len(self.answers)

    def since(self, mark: int, *, least: int = 60) -> list[Any]:
        """What was said from there on, once there are so many answers."""
        wait_for(lambda: len(self.answers) >= mark + least)
        return [said for _, said in self.answers[mark:]]

    def call_on(self) -> None:
        with httpx.Client(timeout=60, headers={"authorization": f"Bearer {self.key}"}) as client:
            while not self.stopped:
                self.answers.append(self._answer(client))
                time.sleep(PAUSE_SECONDS)

    def _answer(self, client: httpx.Client) -> tuple[Any, Any]:
        try:
            answer = client.post(self.url, content=self.body)
        except httpx.HTTPError as error:
            return type(error).__name__, str(error)
        return answer.status_code, answer.json() if answer.status_code == 200 else answer.text


@contextmanager
def callers(studio: RunningStudio, endpoint: str, key: str, *, number: int = 4, body: str = "{}") -> Iterator[Callers]:
    calling = Callers(f"{studio.gateway_url}/{endpoint}/score", key, body)
    threads = [threading.Thread(target=calling.call_on) for _ in range(number)]
    for thread in threads:
        thread.start()
    try:
        calling.since(0, least=number)
        yield calling
    finally:
        calling.stopped = True
        for thread in threads:
            thread.join(90)
