"""Requests under a name, one person's own or for all who see the endpoint; links to single calls of the history."""

import uuid

from django.db import IntegrityError, transaction

from endpoints.domain.actor import Actor
from endpoints.domain.errors import Conflict, Forbidden, Invalid
from endpoints.domain.requests import ScoringRequest, headers_as_text, request_faults
from endpoints.models import Endpoint, SavedRequest, TestCall
from endpoints.permissions import Action, can, require
from endpoints.services import events

MOST_SAVED = 100  # of one person at one endpoint
MOST_SHARED_CALLS = 50
MOST_BYTES = 1024 * 1024
LONGEST_NAME = 80


def save_request(
    *, actor: Actor, endpoint: Endpoint, name: str, request: ScoringRequest, shared: bool = False
) -> SavedRequest:
    """Under a name of the person's; what stood under it before is replaced. A credential is not kept."""
    require(actor.user, Action.SCORE, endpoint)
    name = _checked_name(name)
    if faults := dict(request_faults(request)):
        raise Invalid(faults)
    values = {**_values(request), "shared": shared}
    with transaction.atomic():
        Endpoint.objects.select_for_update(no_key=True).get(pk=endpoint.pk)
        mine = SavedRequest.objects.filter(user=actor.user, endpoint=endpoint)
        before = mine.filter(name=name).first()
        if before is None and mine.count() >= MOST_SAVED:
            raise Conflict(f"You have {MOST_SAVED} saved requests here. Delete one that you no longer use.")
        saved, _ = mine.update_or_create(user=actor.user, endpoint=endpoint, name=name, defaults=values)
        if shared or (before is not None and before.shared):
            _record(actor, saved, "saved", before={"shared": before.shared} if before else None)
    return saved


def change_request(*, actor: Actor, saved: SavedRequest, name: str, shared: bool) -> None:
    """Another name, or for others to use, or for them no longer."""
    if saved.user_id != getattr(actor.user, "pk", None):
        raise Forbidden("Only who saved a request can change it. Save a copy under a name of your own.")
    before = {"name": saved.name, "shared": saved.shared}
    saved.name, saved.shared = _checked_name(name), shared
    try:
        with transaction.atomic():
            saved.save(update_fields=["name", "shared", "updated_at"])
            if before["shared"] or shared:
                _record(actor, saved, "changed", before=before)
    except IntegrityError:
        raise Invalid({"name": f"You have a request “{saved.name}” already."}) from None


def delete_request(*, actor: Actor, saved: SavedRequest) -> None:
    """One's own; a shared one also by whoever may change the endpoint."""
    own = saved.user_id == getattr(actor.user, "pk", None)
    if not own and not (saved.shared and actor.user and can(actor.user, Action.WRITE, saved.endpoint)):
        raise Forbidden("Only who saved a request, or who may change the endpoint, can delete it.")
    with transaction.atomic():
        if saved.shared:
            _record(actor, saved, "deleted", before={"shared": True})
        saved.delete()


def share_call(*, actor: Actor, call: TestCall) -> None:
    """Gives the call a link that whoever sees the endpoint can open; it then stays until the link is taken back."""
    _own(actor, call)
    others = TestCall.objects.filter(user=actor.user, endpoint=call.endpoint).exclude(share=None).exclude(pk=call.pk)
    if others.count() >= MOST_SHARED_CALLS:
        raise Conflict(f"You have {MOST_SHARED_CALLS} links to calls here. Take one back first.")
    with transaction.atomic():
        if TestCall.objects.filter(pk=call.pk, share=None).update(share=uuid.uuid4()):
            events.record(actor=actor, verb="test_call.shared", endpoint=call.endpoint)
    call.refresh_from_db(fields=["share"])


def unshare_call(*, actor: Actor, call: TestCall) -> None:
    _own(actor, call)
    with transaction.atomic():
        if TestCall.objects.filter(pk=call.pk).exclude(share=None).update(share=None):
            events.record(actor=actor, verb="test_call.unshared", endpoint=call.endpoint)
    call.share = None


def _own(actor: Actor, call: TestCall) -> None:
    require(actor.user, Action.SCORE, call.endpoint)
    if call.user_id != getattr(actor.user, "pk", None):
        raise Forbidden("Only who sent a call can share it.")


def _checked_name(name: str) -> str:
    name = " ".join(name.split())
    if not name or len(name) > LONGEST_NAME or not name.isprintable():
        raise Invalid({"name": f"A name has 1 to {LONGEST_NAME} characters."})
    return name


def _values(request: ScoringRequest) -> dict[str, str]:
    if len(request.body) > MOST_BYTES:
        raise Invalid({"body": f"A saved request has {MOST_BYTES // 1024} kB at most."})
    try:
        body = request.body.decode()
    except UnicodeDecodeError:
        raise Invalid({"file": "Only text can be saved. Choose the file again when you send the request."}) from None
    return {
        "pinned_to": request.deployment,
        "method": request.method,
        "path": request.path,
        "headers": headers_as_text(request.headers),
        "content_type": request.content_type,
        "body": body,
    }


def _record(actor: Actor, saved: SavedRequest, verb: str, before: dict[str, object] | None) -> None:
    after = None if verb == "deleted" else {"name": saved.name, "shared": saved.shared}
    verb = f"saved_request.{verb}"
    events.record(actor=actor, verb=verb, endpoint=saved.endpoint, subject=saved.name, before=before, after=after)
