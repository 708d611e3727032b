"""TLS, with a certificate that is read anew when its files are replaced.

Certificate and key come by secret discovery, which watches for renames in their folder; connections go on all the
while. A pair that does not fit together is refused, and the one before stays in force: so two files can be replaced
one after the other.
"""

from dataclasses import dataclass
from pathlib import Path

from endpoints.gateway.envoy.documents import Document, Json, discovery_document, extension, typed

SECRET = "gateway"  # noqa: S105
MINIMUM = "TLSv1_2"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tls:
    port: int
    certificate: Path  # PEM, with the chain
    key: Path  # PEM
    redirect: bool = False  # the plain port answers with 308 to the https URL, and nothing else


def transport_socket(secrets: Path) -> Json:
    """`secrets` is the discovery file that `secrets_document` makes."""
    source = {"path_config_source": {"path": str(secrets)}, "resource_api_version": "V3"}
    return extension(
        "tls",
        "envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext",
        common_tls_context={
            "tls_params": {"tls_minimum_protocol_version": MINIMUM},
            "alpn_protocols": ["h2", "http/1.1"],
            "tls_certificate_sds_secret_configs": [{"name": SECRET, "sds_config": source}],
        },
    )


def secrets_document(tls: Tls) -> Document:
    certificate: Json = {
        "certificate_chain": {"filename": str(tls.certificate)},
        "private_key": {"filename": str(tls.key)},
    }
    if tls.certificate.parent == tls.key.parent:
        # Without it Envoy watches each file, and misses folders that are swapped by a link, as Kubernetes does.
        certificate["watched_directory"] = {"path": str(tls.certificate.parent)}
    secret = typed("envoy.extensions.transport_sockets.tls.v3.Secret", name=SECRET, tls_certificate=certificate)
    return discovery_document([secret])


def redirection(port: int) -> Json:
    """Every path to the same one at https; the method and the body stay."""
    redirect = {"https_redirect": True, "port_redirect": port, "response_code": "PERMANENT_REDIRECT"}
    host = {"name": "all", "domains": ["*"], "routes": [{"match": {"prefix": "/"}, "redirect": redirect}]}
    return {"name": "redirection", "virtual_hosts": [host]}
