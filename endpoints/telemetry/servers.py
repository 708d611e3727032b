"""What inference servers tell of themselves at /metrics."""

import http.client
import logging
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor, wait

from endpoints.domain.tokens import tokens_of
from endpoints.telemetry.connections import Connection, bounded

logger = logging.getLogger(__name__)

AT_ONCE = 16
SILENT_SECONDS = 60.0
MOST_BYTES = 4 << 20


class LocalServers:
    """Who does not tell is asked again after a minute: nothing is lost but the moment, since the counters go on."""

    def __init__(self, *, timeout: float = 1, whole: float = 3) -> None:
        """In seconds: of one server, and of all together."""
        self._timeout, self._whole = timeout, whole
        self._silent: dict[str, float] = {}  # until when
        self._heard = 0  # servers, so far: the next scrape begins behind them
        self._pool = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="servers")  # starts no thread before it is used

    def scrape(self, addresses: Mapping[str, str]) -> dict[str, Mapping[str, int]]:
        now = time.monotonic()
        self._silent = {key: until for key, until in self._silent.items() if key in addresses and until > now}
        asked = {
            self._pool.submit(_tokens, address, self._timeout): replica for replica, address in self._in_turn(addresses)
        }
        done, late = wait(asked, timeout=self._whole)
        for each in late:
            each.cancel()
        self._heard += len(done)
        found = {asked[each]: each.result() for each in done}
        self._silent |= {replica: now + SILENT_SECONDS for replica, tokens in found.items() if not tokens}
        return {replica: tokens for replica, tokens in found.items() if tokens}

    def _in_turn(self, addresses: Mapping[str, str]) -> list[tuple[str, str]]:
        """Where there are too many for one scrape, those come first who had to wait in the last one."""
        asked = sorted(item for item in addresses.items() if item[0] not in self._silent)
        start = self._heard % len(asked) if asked else 0
        return asked[start:] + asked[:start]


def _tokens(address: str, timeout: float) -> Mapping[str, int]:
    """Empty where nothing is told, or nothing that can be read."""
    connection = Connection(address, timeout)
    try:
        connection.request("GET", "/metrics")
        answer = connection.getresponse()
        if answer.status != http.client.OK:
            return {}
        return tokens_of(bounded(answer, MOST_BYTES).decode(errors="replace"))
    except (OSError, http.client.HTTPException, ValueError) as error:
        logger.debug("%s does not tell of its tokens: %s", address, error)
        return {}
    finally:
        connection.close()
