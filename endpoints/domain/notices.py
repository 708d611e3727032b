"""What people are told by e-mail or webhook: one neutral form, and how each kind of channel has it."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from endpoints.enums import ChannelKind

TONES = {"firing": "🔴", "no_data": "⚪", "resolved": "🟢", "warning": "🟠", "info": "🔵"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """`kind` is a dotted word for programs: "alert.firing", "alert.resolved", "alert.no_data", "test".

    `at` is ISO 8601 in UTC; `facts` are names and values for people, in order.
    """

    kind: str
    title: str
    text: str
    at: str
    tone: str = "info"
    url: str = ""
    facts: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Destination:
    """`target` is an address of e-mail or a URL; `secret` signs what a webhook gets."""

    kind: ChannelKind
    target: str = field(repr=False)
    secret: str = field(default="", repr=False)


def to_json(notice: Notice) -> dict[str, Any]:
    return asdict(notice)


def from_json(plain: Mapping[str, Any]) -> Notice:
    return Notice(**plain)


def webhook_body(notice: Notice) -> dict[str, Any]:
    """As Standard Webhooks has it: type, timestamp, data."""
    data = {"title": notice.title, "text": notice.text, "url": notice.url, "facts": dict(notice.facts)}
    return {"type": notice.kind, "timestamp": notice.at, "data": data}


def slack_body(notice: Notice) -> dict[str, Any]:
    """Slack's incoming webhooks; Mattermost, Rocket.Chat and Discord's /slack take it too."""
    title = f"{TONES.get(notice.tone, '')} {_escaped(notice.title)}".strip()
    heading = f"*<{notice.url}|{title}>*" if notice.url else f"*{title}*"
    fields = [f"*{_escaped(name)}:* {_escaped(value)}" for name, value in notice.facts.items()]
    text = "\n".join([heading, _escaped(notice.text), *fields])
    return {"text": text, "blocks": [{"type": "section", "text": {"type": "mrkdwn", "text": text[:3000]}}]}


def _escaped(text: str) -> str:
    """The three that have a meaning to Slack, so that a name mentions nobody and links nowhere."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def mail_text(notice: Notice) -> str:
    facts = [f"{name}: {value}" for name, value in notice.facts.items()]
    return "\n".join([notice.title, "", notice.text, "", *facts, *(["", notice.url] if notice.url else []), ""])
