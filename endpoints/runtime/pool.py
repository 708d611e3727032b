"""The workers and the queue before them."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

from . import log
from .errors import INIT_FAILED, LoadError, ScoringError
from .options import Options
from .spawning import Spawned, spawn
from .workers import Ending, Job, Worker, timed_out

_LONGEST_PAUSE = 30.0


class Pool:
    """As many requests run at once as there are workers; a bounded number waits; the rest is refused.

    `on_fatal` is called when a worker's first load fails: the model cannot be served.
    """

    def __init__(self, options: Options, on_fatal: Callable[[LoadError], None]) -> None:
        self._options = options
        self._on_fatal = on_fatal
        self._idle: list[Worker] = []
        self._queue: dict[Job, None] = {}  # ordered, and a job in its middle leaves in constant time
        self._workers: dict[int, Worker] = {}
        self._keepers: list[asyncio.Task[None]] = []
        self._spawned: list[Spawned] = []
        self.was_ready = False
        self.restarts: Counter[str] = Counter()  # by reason: crash, timeout, load
        self.description: dict[str, Any] = {}

    @property
    def ready(self) -> int:
        """Workers that have loaded the model and live."""
        return sum(worker.loaded and worker.alive for worker in self._workers.values())

    @property
    def running(self) -> int:
        return sum(worker.job is not None for worker in self._workers.values())

    @property
    def queued(self) -> int:
        return len(self._queue)

    def start(self, first: Iterable[Spawned] = ()) -> None:
        """`first`: processes that load the model already."""
        self._spawned = list(first)
        self._keepers = [asyncio.ensure_future(self._keep(slot)) for slot in range(self._options.workers)]

    async def stop(self) -> None:
        for keeper in self._keepers:
            keeper.cancel()
        await asyncio.gather(*self._keepers, return_exceptions=True)
        await asyncio.gather(*(worker.stop() for worker in self._workers.values()))

    def check_room(self) -> None:
        """Raises ScoringError: 503 before the model is loaded, 429 when too much is pending."""
        if not self.was_ready:
            raise ScoringError(503, "NotReady", "The model is still loading.", retry_after=1)
        if self.running + self.queued >= self._options.max_pending:
            message = f"{self._options.max_pending} requests are pending here already; try again shortly."
            raise ScoringError(429, "TooManyRequests", message, retry_after=1)

    def submit(self, head: dict[str, Any], body: bytes) -> Job:
        """Raises as check_room does. The job fails with 408 when its time is up, wherever it is then."""
        self.check_room()
        loop = asyncio.get_running_loop()
        job = Job(head, body, loop.create_future())
        worker = self._idle_worker()
        if worker is not None:
            worker.run(job)
            return job
        self._queue[job] = None
        job.expiry = loop.call_later(self._options.request_timeout, self._expire, job)
        return job

    def drop(self, job: Job) -> None:
        """Nobody waits for it any more. One that runs already is ended; one that is done stays as it is."""
        self._queue.pop(job, None)
        if job.expiry is not None:
            job.expiry.cancel()
        job.drop()
        for worker in self._workers.values():
            if worker.job is job:
                worker.cancel()

    def abandon(self) -> None:
        """Answer all that runs or waits: the server cannot wait for it any longer."""
        running = [worker.job for worker in self._workers.values() if worker.job is not None]
        for job in (*running, *self._queue):
            job.fail(ScoringError(503, "ShuttingDown", "The server stopped before this request was done."))

    def _idle_worker(self) -> Worker | None:
        while self._idle:
            worker = self._idle.pop()
            if worker.alive:
                return worker
        return None

    def _expire(self, job: Job) -> None:
        self._queue.pop(job, None)
        job.fail(timed_out(self._options))

    def _take_next(self, worker: Worker) -> None:
        if not self.was_ready:
            self.was_ready = True
            self.description = worker.description
        if self._queue:
            job = next(iter(self._queue))
            del self._queue[job]
            worker.run(job)
        else:
            self._idle.append(worker)

    async def _keep(self, slot: int) -> None:
        """One worker after another, for as long as the server runs."""
        ever_loaded = False
        fruitless = 0  # workers in a row that ended without having served a request
        while True:
            ending = await self._run_worker(slot)
            if not (ending.loaded or ever_loaded):
                self._on_fatal(ending.error)
                return
            ever_loaded = True
            fruitless = fruitless + 1 if ending.served == 0 and not ending.timed_out else 0
            pause = pause_before_replacement(fruitless)
            self._count(slot, ending, pause)
            await asyncio.sleep(pause)

    async def _run_worker(self, slot: int) -> Ending:
        worker = self._workers[slot] = Worker(self._options, self._take_next)
        try:
            spawned = self._spawned.pop(0) if self._spawned else spawn(self._options)
        except OSError as error:
            reason = LoadError(INIT_FAILED, f"a worker process cannot be started: {error}")
            return Ending(loaded=False, served=0, timed_out=False, error=reason, cause="")
        log.info(f"worker {slot} starts, pid {spawned.process.pid}")
        await worker.attend(spawned)
        return await worker.finished()

    def _count(self, slot: int, ending: Ending, pause: float) -> None:
        reason = "timeout" if ending.timed_out else "crash" if ending.loaded else "load"
        self.restarts[reason] += 1
        what = f"ended ({ending.cause})" if ending.loaded else f"could not load: {ending.error.message}"
        when = f"in {pause:.2f} s" if pause else "now"
        log.error(f"worker {slot} {what}; it is replaced {when}")


def pause_before_replacement(fruitless: int) -> float:
    """Seconds to wait: none after the first worker that served nothing, then twice as long each time."""
    if fruitless <= 1:
        return 0.0
    return float(min(_LONGEST_PAUSE, 0.25 * 2 ** min(fruitless - 2, 10)))
