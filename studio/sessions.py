"""The browsers in which a person is signed in, and their end."""

from dataclasses import dataclass
from datetime import datetime

from allauth.usersessions.models import UserSession
from django.contrib.auth import HASH_SESSION_KEY
from django.contrib.sessions.models import Session
from django.http import HttpRequest
from django.utils import timezone
from django.utils.crypto import constant_time_compare

from endpoints.domain.errors import NotFound
from endpoints.models import User
from studio.sign_in_history import record_session_ended

BROWSERS = (
    *(("Edg/", "Edge"), ("OPR/", "Opera"), ("Firefox/", "Firefox"), ("Chrome/", "Chrome"), ("Safari/", "Safari")),
    *(("curl/", "curl"), ("python", "Python")),
)
SYSTEMS = (
    *(("iPhone", "iPhone"), ("iPad", "iPad"), ("Android", "Android"), ("Windows", "Windows")),
    *(("Mac OS X", "macOS"), ("CrOS", "ChromeOS"), ("Linux", "Linux")),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    id: int
    device: str
    address: str
    user_agent: str
    signed_in_at: datetime
    seen_at: datetime
    current: bool


def sessions_of(request: HttpRequest, user: User) -> list[Shown]:
    """This one first, then the last seen. Two queries; what a new password or time has ended is left out."""
    rows = UserSession.objects.filter(user=user).order_by("-last_seen_at")
    living = _living(user, [row.session_key for row in rows])
    found = [_shown(row, request) for row in rows if row.session_key in living]
    return sorted(found, key=lambda each: not each.current)


def _living(user: User, keys: list[str]) -> set[str]:
    wanted = user.get_session_auth_hash()
    rows = Session.objects.filter(session_key__in=keys, expire_date__gt=timezone.now())
    return {row.pk for row in rows if constant_time_compare(row.get_decoded().get(HASH_SESSION_KEY, ""), wanted)}


def _shown(row: UserSession, request: HttpRequest) -> Shown:
    return Shown(
        id=row.pk,
        device=device_of(row.user_agent),
        address=row.ip,
        user_agent=row.user_agent,
        signed_in_at=row.created_at,
        seen_at=row.last_seen_at,
        current=row.session_key == request.session.session_key,
    )


def end_session(request: HttpRequest, user: User, session_id: int) -> bool:
    """At once: its cookie opens nothing any more. True for the one that asks, which its caller is to sign out."""
    row = UserSession.objects.filter(user=user, pk=session_id).first()
    if row is None:
        raise NotFound("There is no such session of yours; it may have ended by itself.")
    if row.session_key == request.session.session_key:
        return True
    _end(request, user, row)
    return False


def end_others(request: HttpRequest, user: User) -> int:
    rows = list(UserSession.objects.filter(user=user).exclude(session_key=request.session.session_key))
    for row in rows:
        _end(request, user, row)
    return len(rows)


def _end(request: HttpRequest, user: User, row: UserSession) -> None:
    row.end()
    record_session_ended(request, user, device_of(row.user_agent))


def device_of(user_agent: str) -> str:
    """In words: “Chrome on Linux”. Browsers name many others; the first that fits here is the one."""
    browser = next((name for mark, name in BROWSERS if mark.lower() in user_agent.lower()), "")
    system = next((name for mark, name in SYSTEMS if mark in user_agent), "")
    return " on ".join(part for part in (browser, system) if part) or "Unknown device"
