"""What everyone who tells people something may rely on, asked of each way."""

import base64
import email
import hashlib
import hmac
import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import Envelope

from endpoints.domain.notices import Destination, Notice
from endpoints.enums import ChannelKind
from endpoints.notifying.channels import ChannelNotifier
from endpoints.notifying.fake import FakeNotifier
from endpoints.notifying.mail import MailNotifier, MailServer
from endpoints.notifying.port import Notifier, Undelivered
from endpoints.notifying.webhooks import WebhookNotifier, networks

SECRET = "whsec_" + base64.b64encode(b"a secret of the test").decode()
NOTICE = Notice(
    kind="alert.firing",
    title="Firing: errors <of> churn",
    text="errors over 5 %, over 5 minutes.",
    at="2026-03-01T10:00:00Z",
    tone="firing",
    url="http://studio.example/alerts/1/",
    facts={"Value": "12.5 %", "About": "churn & co"},
)


@dataclass
class Receiver:
    """A real HTTP server on loopback. `answer` is (status, headers); `hang` holds the answer back until it is set."""

    url: str = ""
    requests: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)
    answer: tuple[int, dict[str, str]] = (204, {})
    hang: threading.Event | None = None


@contextmanager
def receiver() -> Iterator[Receiver]:
    got = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            got.requests.append((self.path, {k.lower(): v for k, v in self.headers.items()}, body))
            if got.hang is not None:
                got.hang.wait(60)
            status, headers = got.answer
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    got.url = f"http://127.0.0.1:{server.server_port}/hook?key=1"
    try:
        yield got
    finally:
        if got.hang is not None:
            got.hang.set()
        server.shutdown()
        server.server_close()


class Mailbox:
    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.refuses = ""

    async def handle_RCPT(self, server: Any, session: Any, envelope: Envelope, address: str, options: Any) -> str:
        if address == self.refuses:
            return "550 no such mailbox"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Envelope) -> str:
        assert isinstance(envelope.content, bytes)
        self.messages.append(email.message_from_bytes(envelope.content))
        return "250 OK"


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@contextmanager
def mailbox() -> Iterator[tuple[Mailbox, MailNotifier]]:
    box = Mailbox()
    running = Controller(box, hostname="127.0.0.1", port=free_port())
    running.start()
    try:
        server = MailServer(host="127.0.0.1", port=running.port, sender="studio@example.org")
        yield box, MailNotifier(server=server)
    finally:
        running.stop()


def calling() -> WebhookNotifier:
    return WebhookNotifier(inside=networks(["127.0.0.0/8"]), seconds=2)


@dataclass
class Subject:
    notifier: Notifier
    destination: Destination
    taken: Callable[[], list[str]]  # the ids that the other side has got
    refuse: Callable[[], None]  # from now on, for good


@pytest.fixture(params=["fake", "webhook", "slack", "mail"])
def subject(request: pytest.FixtureRequest) -> Iterator[Subject]:
    yield from {"fake": fake, "webhook": webhook, "slack": slack, "mail": mail}[request.param]()


def fake() -> Iterator[Subject]:
    notifier = FakeNotifier()

    def refuse() -> None:
        notifier.failure = Undelivered("No.", final=True)

    destination = Destination(kind=ChannelKind.WEBHOOK, target="https://hooks.example.com/")
    yield Subject(notifier, destination, lambda: [entry[0] for entry in notifier.sent], refuse)


def webhook() -> Iterator[Subject]:
    yield from over_http(ChannelKind.WEBHOOK, lambda headers, _: headers["webhook-id"])


def slack() -> Iterator[Subject]:
    yield from over_http(ChannelKind.SLACK, lambda _, body: "one" if "churn" in json.loads(body)["text"] else "?")


def over_http(kind: ChannelKind, id_of: Callable[[dict[str, str], bytes], str]) -> Iterator[Subject]:
    with receiver() as got:

        def refuse() -> None:
            got.answer = (410, {})

        notifier = ChannelNotifier(mail=MailNotifier(), webhooks=calling())
        destination = Destination(kind=kind, target=got.url, secret=SECRET if kind == ChannelKind.WEBHOOK else "")
        yield Subject(
            notifier, destination, lambda: [id_of(headers, body) for _, headers, body in got.requests], refuse
        )


def mail() -> Iterator[Subject]:
    with mailbox() as (box, notifier):

        def refuse() -> None:
            box.refuses = "team@example.org"

        destination = Destination(kind=ChannelKind.EMAIL, target="team@example.org")
        both = ChannelNotifier(mail=notifier, webhooks=calling())
        yield Subject(
            both,
            destination,
            lambda: [str(m["Message-ID"]).strip("<>").partition("@")[0] for m in box.messages],
            refuse,
        )


def test_it_is_there_when_send_returns(subject: Subject) -> None:
    assert subject.notifier.check(subject.destination) == ""
    subject.notifier.send(NOTICE, subject.destination, id="one")
    assert subject.taken() == ["one"]


def test_the_same_id_is_the_same_message(subject: Subject) -> None:
    for _ in range(2):
        subject.notifier.send(NOTICE, subject.destination, id="one")
    assert set(subject.taken()) == {"one"}


def test_a_refusal_for_good_is_told_as_final_and_without_the_address(subject: Subject) -> None:
    subject.refuse()
    with pytest.raises(Undelivered) as caught:
        subject.notifier.send(NOTICE, subject.destination, id="one")
    assert caught.value.final
    assert subject.destination.target not in str(caught.value)


# Webhooks


def post(target: str, *, secret: str = SECRET, notifier: WebhookNotifier | None = None) -> None:
    destination = Destination(kind=ChannelKind.WEBHOOK, target=target, secret=secret)
    (notifier or calling()).send(NOTICE, destination, id="msg_1")


def test_the_receiver_can_check_the_signature() -> None:
    with receiver() as got:
        post(got.url)
    path, headers, body = got.requests[0]
    assert path == "/hook?key=1"
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    made = hmac.new(b"a secret of the test", signed, hashlib.sha256).digest()
    assert headers["webhook-signature"] == f"v1,{base64.b64encode(made).decode()}"
    assert json.loads(body) == {
        "type": "alert.firing",
        "timestamp": "2026-03-01T10:00:00Z",
        "data": {
            "title": NOTICE.title,
            "text": NOTICE.text,
            "url": NOTICE.url,
            "facts": {"Value": "12.5 %", "About": "churn & co"},
        },
    }


def test_slack_gets_text_that_mentions_nobody() -> None:
    with receiver() as got:
        calling().send(NOTICE, Destination(kind=ChannelKind.SLACK, target=got.url), id="one")
    text = json.loads(got.requests[0][2])["text"]
    assert "errors &lt;of&gt; churn" in text
    assert "churn &amp; co" in text
    assert "<http://studio.example/alerts/1/|" in text


def test_a_redirect_is_not_followed() -> None:
    with receiver() as inner, receiver() as outer:
        outer.answer = (307, {"Location": inner.url})
        with pytest.raises(Undelivered, match="another address") as caught:
            post(outer.url)
        assert caught.value.final
        assert inner.requests == []


@pytest.mark.parametrize(
    "host",
    "127.0.0.1 localhost [::1] [::ffff:127.0.0.1] 169.254.169.254 10.1.2.3 192.168.1.1 0.0.0.0 "
    "[fd00::1] 2130706433 0x7f.1 100.64.0.1 224.0.0.1 [::7f00:1] [64:ff9b::a9fe:a9fe] [2002:7f00:1::1]".split(),
)
def test_nothing_is_sent_to_the_inside(host: str) -> None:
    with receiver() as got:
        port = got.url.partition("127.0.0.1:")[2]
        with pytest.raises(Undelivered):
            post(f"http://{host}:{port}", notifier=WebhookNotifier(seconds=1))
        assert got.requests == []


def test_a_name_is_looked_up_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that answers with a public address first, and with one of the inside afterwards, leads nowhere."""
    looked: list[Any] = []

    def answers(host: Any, *_: Any, **__: Any) -> list[Any]:
        looked.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1" if len(looked) > 1 else "203.0.114.1", 0))]

    monkeypatch.setattr("endpoints.notifying.webhooks.socket.getaddrinfo", answers)
    reached: list[str] = []
    monkeypatch.setattr(WebhookNotifier, "_post", lambda self, url, *_: reached.append(url))
    post("http://rebinds.example:8080/hook")
    assert reached == ["http://203.0.114.1:8080/hook"]
    assert looked == ["rebinds.example"]


def test_one_that_hangs_is_given_up_and_tried_again_later() -> None:
    with receiver() as got:
        got.hang = threading.Event()
        with pytest.raises(Undelivered) as caught:
            post(got.url)
    assert not caught.value.final


@contextmanager
def trickling(stop: threading.Event) -> Iterator[str]:
    """Answers with one byte after the other, none of them too late and none of them the last."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            connection, _ = server.accept()
            with connection, suppress(OSError):
                connection.sendall(b"HTTP/1.1 200 OK\r\nx-slow: ")
                while not stop.wait(0.05):
                    connection.sendall(b"a")

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.getsockname()[1]}/"
        finally:
            stop.set()
            thread.join(10)


def test_one_that_trickles_is_given_up_too() -> None:
    with trickling(threading.Event()) as url, pytest.raises(Undelivered, match="TimeoutError") as caught:
        post(url)
    assert not caught.value.final


@pytest.mark.parametrize("path", ["\x01", "x" * 70_000])
def test_what_cannot_be_called_is_not_tried_again(path: str) -> None:
    with receiver() as got:
        with pytest.raises(Undelivered, match="no URL") as caught:
            post(f"{got.url}{path}")
        assert caught.value.final
        assert got.requests == []


@pytest.mark.parametrize(("status", "final"), [(500, False), (503, False), (429, False), (404, True), (401, True)])
def test_what_is_worth_another_try(status: int, final: bool) -> None:
    with receiver() as got:
        got.answer = (status, {})
        with pytest.raises(Undelivered, match=str(status)) as caught:
            post(got.url)
    assert caught.value.final == final


@pytest.mark.parametrize("target", ["ftp://a.example/", "http://", "http://u:p@a.example/", "http://[", "nothing", ""])
def test_what_is_no_address_of_a_webhook(target: str) -> None:
    destination = Destination(kind=ChannelKind.WEBHOOK, target=target)
    assert "no URL" in WebhookNotifier().check(destination)


def test_the_target_is_in_no_repr() -> None:
    assert "hush" not in repr(Destination(kind=ChannelKind.SLACK, target="https://hush.example", secret="hush"))


# E-mail


def test_mail_says_what_it_is() -> None:
    with mailbox() as (box, notifier):
        destination = Destination(kind=ChannelKind.EMAIL, target="team@example.org")
        odd = Notice(kind="test", title="Two\r\nBcc: lines", text="Ünïcode", at="", facts={"A": "1"})
        notifier.send(odd, destination, id="id-1")
    message = box.messages[0]
    assert message["Subject"] == "Two Bcc: lines"
    assert message["Bcc"] is None
    assert (message["From"], message["To"]) == ("studio@example.org", "team@example.org")
    payload = message.get_payload(decode=True)
    assert isinstance(payload, bytes)
    assert "Ünïcode" in payload.decode()


def test_without_a_mail_server_it_says_what_to_do() -> None:
    destination = Destination(kind=ChannelKind.EMAIL, target="team@example.org")
    assert "STUDIO_SMTP_URL" in MailNotifier().check(destination)
    with pytest.raises(Undelivered, match="STUDIO_SMTP_URL"):
        MailNotifier().send(NOTICE, destination, id="one")
