"""What a deployment's replicas wrote, and what was made ready for them."""

from collections.abc import Iterable, Iterator, Mapping

from endpoints import wiring
from endpoints.domain.replicas import LogChunk
from endpoints.enums import LogContainer
from endpoints.models import Deployment, Replica

MOST_LINES = 10_000
MOST_CHARACTERS = 4 * 1024 * 1024
BUILD_BYTES = 64 * 1024


def tail_of(
    deployment: Deployment, *, container: LogContainer, ordinal: int | None = None, lines: int, text: str = ""
) -> list[str]:
    """The last lines that hold `text`, oldest first. Of all replicas unless `ordinal` names one: then each line says
    whose it is."""
    if container == LogContainer.STORAGE_INITIALIZER:
        found = [line for line in storage_initializer(deployment) if text.lower() in line.lower()]
        return found[-lines:]
    replicas = [row for row in deployment.replicas.all() if ordinal in (None, row.ordinal)]
    if ordinal is not None or len(replicas) == 1:
        newest = max(replicas, key=lambda row: row.generation, default=None)
        return wiring.compute().tail_log(newest.pk, lines=lines, text=text) if newest else []
    return _last(sorted(_told_apart(replicas, lines, text))[-lines:])


def replica_ends(deployment: Deployment) -> dict[str, int]:
    """How far the log of each replica goes, in bytes."""
    return {row.pk: wiring.compute().read_log(row.pk, limit=1).size for row in deployment.replicas.all()}


def written_since(
    deployment: Deployment, ends: Mapping[str, int], *, limit: int, text: str = ""
) -> tuple[list[str], dict[str, int]]:
    """What all replicas wrote from there on, in the order of time, and how far that goes. Of a replica that was not
    there yet, from its beginning."""
    replicas = list(deployment.replicas.all())
    chunks = {row.pk: wiring.compute().read_log(row.pk, start=ends.get(row.pk, 0), limit=limit) for row in replicas}
    lines = [
        line if len(replicas) == 1 else _whose(row, line)
        for row in replicas
        for line in chunks[row.pk].lines
        if text.lower() in line.lower()
    ]
    return sorted(lines), {name: chunk.end for name, chunk in chunks.items()}


def _last(lines: list[str]) -> list[str]:
    """No more than MOST_CHARACTERS of them."""
    left = MOST_CHARACTERS
    for number, line in enumerate(reversed(lines)):
        left -= len(line)
        if left < 0:
            return lines[len(lines) - number :]
    return lines


def _told_apart(replicas: Iterable[Replica], lines: int, text: str) -> Iterator[str]:
    for row in replicas:
        for line in wiring.compute().tail_log(row.pk, lines=lines, text=text):
            yield _whose(row, line)


def _whose(replica: Replica, line: str) -> str:
    """Its time still comes first: by it lines are put in order."""
    at, _, rest = line.partition(" ")
    return f"{at} [replica {replica.ordinal}] {rest}"


def storage_initializer(deployment: Deployment) -> list[str]:
    """What Azure's container of this name does: the files, then the environment."""
    assets = {"model": deployment.model, "code": deployment.code}
    facts = [_files(kind, asset, asset.artifact_id) for kind, asset in assets.items() if asset]
    return [*facts, *build_log(deployment).lines]


def build_log(deployment: Deployment, *, start: int | None = None, limit: int = BUILD_BYTES) -> LogChunk:
    """Of its environment's build; empty where it needs none."""
    if not deployment.environment_hash:
        return LogChunk(text="", start=0, end=0, size=0)
    return wiring.builder().read_log(deployment.environment_hash, start=start, limit=limit)


def _files(kind: str, asset: object, digest: str) -> str:
    try:
        files = wiring.store().files(digest)
    except KeyError:
        return f"{kind} {asset}: its files are not in the store any more"
    size = sum(file.size_bytes for file in files)
    return f"{kind} {asset}: {len(files)} files, {size} bytes, sha256 {digest}"
