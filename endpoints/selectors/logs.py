"""What a deployment's replicas wrote, and what was made ready for them."""

from collections.abc import Iterable, Iterator

from endpoints import wiring
from endpoints.enums import LogContainer
from endpoints.models import Deployment, Replica

MOST_LINES = 10_000
MOST_CHARACTERS = 4 * 1024 * 1024


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


def _last(lines: list[str]) -> list[str]:
    """No more than MOST_CHARACTERS of them."""
    left = MOST_CHARACTERS
    for number, line in enumerate(reversed(lines)):
        left -= len(line)
        if left < 0:
            return lines[len(lines) - number :]
    return lines


def _told_apart(replicas: Iterable[Replica], lines: int, text: str) -> Iterator[str]:
    """A line begins with its time, by which they are put in order."""
    for row in replicas:
        for line in wiring.compute().tail_log(row.pk, lines=lines, text=text):
            at, _, rest = line.partition(" ")
            yield f"{at} [replica {row.ordinal}] {rest}"


def storage_initializer(deployment: Deployment) -> list[str]:
    """What Azure's container of this name does: the files, then the environment."""
    assets = {"model": deployment.model, "code": deployment.code}
    facts = [_files(kind, asset, asset.artifact_id) for kind, asset in assets.items() if asset]
    built = wiring.builder().read_log(deployment.environment_hash).lines if deployment.environment_hash else []
    return [*facts, *built]


def _files(kind: str, asset: object, digest: str) -> str:
    try:
        files = wiring.store().files(digest)
    except KeyError:
        return f"{kind} {asset}: its files are not in the store any more"
    size = sum(file.size_bytes for file in files)
    return f"{kind} {asset}: {len(files)} files, {size} bytes, sha256 {digest}"
