"""E-mail by SMTP."""

import smtplib
import ssl
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.utils import formatdate

from endpoints.domain.notices import Destination, Notice, mail_text
from endpoints.notifying.port import SECONDS, Undelivered

NO_SERVER = "No mail server is set. IT sets it with STUDIO_SMTP_URL."
LONGEST_SUBJECT = 150


@dataclass(frozen=True, slots=True, kw_only=True)
class MailServer:
    """`tls`: "implicit" (smtps), "starttls", or "" for none."""

    host: str
    port: int
    sender: str
    user: str = ""
    password: str = field(default="", repr=False)
    tls: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class MailNotifier:
    server: MailServer | None = None
    seconds: float = SECONDS

    def check(self, destination: Destination) -> str:
        return "" if self.server else NO_SERVER

    def send(self, notice: Notice, destination: Destination, *, id: str) -> None:
        if self.server is None:
            raise Undelivered(NO_SERVER)
        message = mail(notice, to=destination.target, sender=self.server.sender, id=id)
        try:
            self._deliver(self.server, message)
        except smtplib.SMTPRecipientsRefused:
            raise Undelivered("The mail server refuses the address.", final=True) from None
        except (smtplib.SMTPException, OSError) as error:
            raise Undelivered(f"The mail server did not take it: {type(error).__name__}.") from None

    def _deliver(self, server: MailServer, message: EmailMessage) -> None:
        secure = ssl.create_default_context() if server.tls else None
        if server.tls == "implicit":
            client: smtplib.SMTP = smtplib.SMTP_SSL(server.host, server.port, timeout=self.seconds, context=secure)
        else:
            client = smtplib.SMTP(server.host, server.port, timeout=self.seconds)
        with client:
            if server.tls == "starttls":
                client.starttls(context=secure)
            if server.user:
                client.login(server.user, server.password)
            client.send_message(message)


def mail(notice: Notice, *, to: str, sender: str, id: str) -> EmailMessage:
    """The same id is the same message to a mail client: it shows it once."""
    message = EmailMessage()
    message["Subject"] = " ".join(notice.title.split())[:LONGEST_SUBJECT]
    message["From"], message["To"] = sender, to
    message["Date"], message["Message-ID"] = formatdate(), f"<{id}@{sender.rpartition('@')[2]}>"
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(mail_text(notice))
    return message
