"""Puts a route table in force: in an order in which no request meets a route without its cluster."""

import time
from dataclasses import dataclass
from pathlib import Path

from endpoints.gateway.envoy.admin import (
    CLUSTERS,
    GENERAL,
    LIMITS,
    ROUTES,
    TOKENS,
    WARMING,
    Admin,
    AdminUnreachable,
    Statistics,
)
from endpoints.gateway.envoy.documents import Document, Json, encode
from endpoints.gateway.envoy.files import Changes, read_document, sync_folder, write_private
from endpoints.gateway.envoy.resources import Layout, Resources, manifest, with_clusters_of

POLL_SECONDS = 0.002


class Refused(Exception):
    """Envoy rejected a file. It goes on with the one before."""


@dataclass(frozen=True, slots=True)
class Publisher:
    """One publication at a time: the caller holds the lock."""

    layout: Layout
    admin: Admin
    apply_seconds: float  # the longest wait for one confirmation of a running Envoy

    def publish(self, version: str, resources: Resources) -> None:
        """Raises Refused, with every file as it was before."""
        present = self.present()
        changes = Changes()
        self.layout.unfinished.touch()
        try:
            self.put_in_force(resources, present, changes)
        except Refused:
            changes.undo()
            if present:
                self.layout.unfinished.unlink()
            raise
        write_private(self.layout.manifest, encode(manifest(version, resources)))
        sync_folder(self.layout.folder)
        self.layout.unfinished.unlink(missing_ok=True)

    def present(self) -> Json:
        """What the files hold for certain; nothing when a publisher was killed at its work."""
        if self.layout.unfinished.exists():
            return {}
        return read_document(self.layout.manifest) or {}

    def put_in_force(self, resources: Resources, present: Json, changes: Changes) -> None:
        """New clusters, whose tokens are believed, and limits, before the routes; old clusters gone after them."""
        wanted = resources.clusters_document
        every = wanted
        if wanted.version != present.get("clusters"):
            every = with_clusters_of(self.present_clusters(), resources)
        self.confirm(self.layout.clusters, every, present.get("clusters"), changes, CLUSTERS)
        self.confirm(self.layout.tokens, resources.tokens_document, present.get("tokens"), changes, TOKENS)
        self.confirm(self.layout.limits, resources.limits_document, present.get("limits"), changes, LIMITS)
        self.confirm(self.layout.routes, resources.routes_document, present.get("routes"), changes, ROUTES)
        if every != wanted:
            changes.write(self.layout.clusters, wanted.content)

    def present_clusters(self) -> list[Json]:
        document = read_document(self.layout.clusters) or {}
        clusters: list[Json] = document.get("resources", [])
        return clusters

    def confirm(self, path: Path, document: Document, present: str | None, changes: Changes, subscription: str) -> None:
        """Write what is new, and wait until a running Envoy took it. Raises Refused."""
        if document.version == present:
            return
        before = self.statistics()
        changes.write(path, document.content)
        if before is not None:
            self.wait(document.version, subscription, failures(before, subscription))

    def wait(self, version: str, subscription: str, failed_before: int) -> None:
        deadline = time.monotonic() + self.apply_seconds
        while time.monotonic() < deadline:
            now = self.statistics()
            if now is None:
                return
            if now.text(f"{subscription}.version_text") == version and not now.number(WARMING):
                return
            if failures(now, subscription) > failed_before:
                raise Refused(subscription)
            time.sleep(POLL_SECONDS)

    def statistics(self) -> Statistics | None:
        """None when no Envoy answers: then there is nobody to wait for."""
        try:
            return self.admin.statistics(GENERAL)
        except AdminUnreachable:
            return None


def failures(statistics: Statistics, subscription: str) -> int:
    rejected = statistics.number(f"{subscription}.update_rejected")
    return rejected + statistics.number(f"{subscription}.update_failure")
