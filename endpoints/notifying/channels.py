"""Each kind of channel by its own way."""

from dataclasses import dataclass

from endpoints.domain.notices import Destination, Notice
from endpoints.enums import ChannelKind
from endpoints.notifying.mail import MailNotifier
from endpoints.notifying.port import Notifier
from endpoints.notifying.webhooks import WebhookNotifier


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelNotifier:
    mail: MailNotifier
    webhooks: WebhookNotifier

    def send(self, notice: Notice, destination: Destination, *, id: str) -> None:
        self._by(destination).send(notice, destination, id=id)

    def check(self, destination: Destination) -> str:
        return self._by(destination).check(destination)

    def _by(self, destination: Destination) -> Notifier:
        return self.mail if destination.kind == ChannelKind.EMAIL else self.webhooks
