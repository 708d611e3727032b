"""Where a workspace is told: its notification channels."""

import base64
import secrets
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import IntegrityError, transaction
from django.utils import timezone

from endpoints import wiring
from endpoints.domain.actor import Actor
from endpoints.domain.errors import Conflict, Invalid, Unavailable
from endpoints.domain.notices import Destination, Notice
from endpoints.enums import ChannelKind
from endpoints.models import NotificationChannel, Workspace
from endpoints.notifying.port import Undelivered
from endpoints.permissions import Action, require
from endpoints.services import events

LONGEST_NAME = 60
LONGEST_TARGET = 2000
SECRET_BYTES = 32
PER_WORKSPACE = 50


def create_channel(*, actor: Actor, workspace: Workspace, name: str, kind: str, target: str) -> NotificationChannel:
    """A webhook gets a secret of its own, in the answer this once: its notifications are signed with it.

    Raises Invalid; nothing is sent yet.
    """
    require(actor.user, Action.MANAGE_WORKSPACE, workspace)
    channel = NotificationChannel(
        workspace=workspace, name=name.strip(), kind=kind, target=target.strip(), created_by=actor.user
    )
    _check(channel)
    channel.secret = new_secret() if kind == ChannelKind.WEBHOOK else ""
    try:
        with transaction.atomic():
            Workspace.objects.select_for_update(no_key=True).get(pk=workspace.pk)
            if workspace.notification_channels.count() >= PER_WORKSPACE:
                raise Conflict(f"“{workspace}” has {PER_WORKSPACE} channels, as many as it may. Remove one.")
            channel.save(force_insert=True)
            _record(actor, channel, "created", after={"kind": channel.kind})
    except IntegrityError:
        raise Invalid({"name": f"“{workspace}” has a channel “{channel.name}” already."}) from None
    return channel


def switch_channel(*, actor: Actor, channel: NotificationChannel, enabled: bool) -> NotificationChannel:
    """Off, nothing is sent; what was waiting is dropped."""
    require(actor.user, Action.MANAGE_WORKSPACE, channel.workspace)
    with transaction.atomic():
        if NotificationChannel.objects.filter(pk=channel.pk).exclude(enabled=enabled).update(enabled=enabled):
            _record(actor, channel, "enabled" if enabled else "disabled")
    channel.enabled = enabled
    return channel


def remove_channel(*, actor: Actor, channel: NotificationChannel) -> None:
    """Rules that named it tell one fewer."""
    require(actor.user, Action.MANAGE_WORKSPACE, channel.workspace)
    with transaction.atomic():
        _record(actor, channel, "removed", before={"kind": channel.kind})
        channel.delete()


def send_test(*, actor: Actor, channel: NotificationChannel) -> None:
    """Sent at once. Raises Unavailable with what the other side said."""
    require(actor.user, Action.MANAGE_WORKSPACE, channel.workspace)
    notice = Notice(
        kind="test",
        title=f"Test of the channel “{channel.name}”",
        text="Endpoint Studio reaches you here.",
        at=f"{timezone.now():%Y-%m-%dT%H:%M:%SZ}",
        facts={"Workspace": str(channel.workspace), "Asked by": actor.name},
    )
    try:
        wiring.notifier().send(notice, destination_of(channel), id=f"test-{secrets.token_hex(8)}")
    except Undelivered as error:
        raise Unavailable(f"The test was not delivered. {error}") from None
    _record(actor, channel, "tested")


def destination_of(channel: NotificationChannel) -> Destination:
    return Destination(kind=ChannelKind(channel.kind), target=channel.target, secret=channel.secret)


def new_secret() -> str:
    """As Standard Webhooks has it."""
    return f"whsec_{base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()}"


def _check(channel: NotificationChannel) -> None:
    problems: dict[str, str] = {}
    if not 0 < len(channel.name) <= LONGEST_NAME or "/" in channel.name:
        problems["name"] = f"A name of up to {LONGEST_NAME} characters, without a slash."
    if channel.kind not in ChannelKind.values:
        raise Invalid(problems | {"kind": f"Use {', '.join(ChannelKind.values)}."})
    if why := _wrong_target(channel):
        problems["target"] = why
    if problems:
        raise Invalid(problems)


def _wrong_target(channel: NotificationChannel) -> str:
    if not 0 < len(channel.target) <= LONGEST_TARGET:
        return f"An address of up to {LONGEST_TARGET} characters."
    if channel.kind == ChannelKind.EMAIL:
        try:
            validate_email(channel.target)
        except ValidationError:
            return "Use an address such as team@example.org."
    return wiring.notifier().check(destination_of(channel))


def _record(actor: Actor, channel: NotificationChannel, verb: str, **fields: Any) -> None:
    """Without the address: it may be a secret."""
    events.record(actor=actor, verb=f"channel.{verb}", workspace=channel.workspace, subject=channel.name, **fields)
