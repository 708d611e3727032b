"""A text field that is encrypted at rest."""

import base64
import hashlib
from typing import TYPE_CHECKING, Any

from cryptography.fernet import Fernet
from django.conf import settings
from django.db import models

if TYPE_CHECKING:
    TextField = models.TextField[str, str]
else:
    TextField = models.TextField


def _cipher() -> Fernet:
    digest = hashlib.sha256(b"endpoint-studio/at-rest/" + settings.SECRET_KEY.encode()).digest()
    return Fernet(base64.urlsafe_b64encode(digest))


def encrypted(text: str) -> str:
    return _cipher().encrypt(text.encode()).decode()


def decrypted(text: str) -> str:
    return _cipher().decrypt(text.encode()).decode()


class EncryptedTextField(TextField):
    """Plain text in Python, a Fernet token in the database. Cannot be searched."""

    def get_prep_value(self, value: Any) -> Any:
        return encrypted(value) if value else value

    def from_db_value(self, value: str | None, *_: Any) -> str | None:
        return decrypted(value) if value else value
