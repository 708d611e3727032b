"""TCP ports for replicas whose servers listen on some: each on this machine's loopback, and nobody else's."""

import random
import socket
from collections.abc import Iterable, Iterator, Mapping

from django.conf import settings
from django.db import IntegrityError, transaction

from endpoints.domain.addresses import LOOPBACK
from endpoints.models import Replica, ReplicaPort


def take_ports(replica: Replica, declared: Iterable[int]) -> Mapping[int, int]:
    """Ports of this machine by what the routes call them. What it had it keeps, if nobody took it meanwhile.

    The replica has its row, and does not run. Raises OSError when none is free.
    """
    wanted = tuple(declared)
    kept: dict[int, int] = {}
    for port in replica.ports.all():
        if port.declared in wanted and is_free(port.number):
            kept[port.declared] = port.number
        else:
            port.delete()
    return {name: kept[name] if name in kept else _taken(replica, name) for name in wanted}


def _taken(replica: Replica, declared: int) -> int:
    for number in _candidates():
        if not is_free(number):
            continue
        try:
            with transaction.atomic():
                ReplicaPort.objects.create(number=number, replica=replica, declared=declared)
        except IntegrityError:
            continue  # somebody was quicker
        return number
    low, high = settings.STUDIO_REPLICA_PORTS
    raise OSError(f"No port from {low} to {high} is free for a replica. Widen STUDIO_REPLICA_PORTS.")


def _candidates() -> Iterator[int]:
    """By chance, so that two who look at once, or two studios, seldom meet."""
    low, high = settings.STUDIO_REPLICA_PORTS
    used = set(ReplicaPort.objects.values_list("number", flat=True))
    free = [number for number in range(low, high + 1) if number not in used]
    random.shuffle(free)
    return iter(free)


def is_free(number: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, number))
        except OSError:
            return False
    return True
