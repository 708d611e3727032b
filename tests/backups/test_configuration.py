"""What a backup says of how the studio was set: never a secret."""

from studio.backups.backup import configuration

SET = {
    "STUDIO_PORT": "8000",
    "STUDIO_TLS_KEY": "/etc/studio/key.pem",
    "STUDIO_PUBLIC_URL": "https://studio.example.org",
    "STUDIO_SMTP_URL": "smtp://mailer:hidden@mail.example.org:587",
    "DATABASE_URL": "postgres://studio:hid@den@db.example.org/studio?sslpassword=hidden",
    "BROKER_URL": "redis://:hidden@broker.example.org:6379/0",
    "STUDIO_ADMIN_PASSWORD": "hidden",
    "STUDIO_SECRET_KEY": "hidden",
    "STUDIO_BACKUP_PASSPHRASE": "hidden",
    "STUDIO_AUDIT_FORWARD_TOKEN": "hidden",
    "STUDIO_METRICS_TOKEN": "hidden",
    "STUDIO_OTLP_HEADERS": "authorization=hidden",
    "STUDIO_TOKEN": "hidden",
    "PATH": "/usr/bin",
}


def test_what_was_set_is_kept_without_its_secrets() -> None:
    assert configuration(SET) == {
        "STUDIO_PORT": "8000",
        "STUDIO_TLS_KEY": "/etc/studio/key.pem",
        "STUDIO_PUBLIC_URL": "https://studio.example.org",
        "STUDIO_SMTP_URL": "smtp://mailer:…@mail.example.org:587",
        "DATABASE_URL": "postgres://studio:…@db.example.org/studio?…",
        "BROKER_URL": "redis://:…@broker.example.org:6379/0",
    }


def test_an_address_that_is_none_is_not_kept() -> None:
    assert configuration({"STUDIO_GATEWAY_URL": "http://[::1"}) == {"STUDIO_GATEWAY_URL": "…"}
