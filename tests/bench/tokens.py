"""What a token costs beside a key: verified once, then found in the gateway's cache; with one invoker and with many."""

import dataclasses
import tempfile
from contextlib import ExitStack
from pathlib import Path

from endpoints.domain.routing import EndpointRoute, Invokers, Issuer, claims_of
from endpoints.enums import AuthMode
from tests.bench.gateway import (
    Row,
    answering,
    endpoints,
    medians,
    other_envoy,
    p50,
    real_gateway,
    requests_per_second,
    row,
    tcp,
)
from tests.gateway.running import AUTHORIZED, RunningGateway, eventually
from tests.tokens import AUDIENCE, Signer, jwks

MANY = 500


def run() -> list[Row]:
    """The same request with a key, with a token of one invoker, and with a token of the last of many."""
    with tempfile.TemporaryDirectory(prefix="es-") as name, ExitStack() as stack:
        folder = Path(name)
        upstream = folder / "upstream.sock"
        stack.enter_context(other_envoy(folder / "upstream.json", answering(upstream)))
        eventually(upstream.exists)
        gateway = stack.enter_context(real_gateway(folder))
        signer = Signer()
        token = {"authorization": f"Bearer {signer.token('ada', lifetime=3600)}"}
        with_key = measured(gateway, AUTHORIZED, endpoints(1, str(upstream))[0], ())
        issuer = believed(signer)
        few = guarded(endpoints(1, str(upstream))[0], issuer, count=1)
        many = guarded(endpoints(1, str(upstream))[0], issuer, count=MANY)
        return rows(with_key, measured(gateway, token, few, (issuer,)), measured(gateway, token, many, (issuer,)))


def believed(signer: Signer) -> Issuer:
    return Issuer(
        name="bench",
        issuer=signer.issuer,
        audiences=(AUDIENCE,),
        jwks=jwks(signer),
        auth_mode=AuthMode.AAD_TOKEN,
    )


def guarded(route: EndpointRoute, issuer: Issuer, *, count: int) -> EndpointRoute:
    """`ada` is the last of so many who may score."""
    people = [*(f"person-{number}" for number in range(count - 1)), "ada"]
    invokers = Invokers(subjects=tuple((issuer.issuer, person) for person in people))
    mode = AuthMode.AAD_TOKEN
    claims = tuple(claims_of(endpoint_id="", auth_mode=mode, invokers=invokers, issuers=[issuer]))
    return dataclasses.replace(route, auth_mode=mode, claims=claims)


def measured(
    gateway: RunningGateway, headers: dict[str, str], route: EndpointRoute, issuers: tuple[Issuer, ...]
) -> dict[str, float]:
    gateway.put(route, issuers=issuers)
    return medians(
        {
            "p50": lambda: p50(tcp(gateway.port), headers),
            "throughput": lambda: requests_per_second(gateway.port, headers),
        }
    )


def rows(key: dict[str, float], token: dict[str, float], many: dict[str, float]) -> list[Row]:
    return [
        row("throughput with a cached token", token["throughput"], "requests/s", f"{key['throughput']:.0f} with a key"),
        row("p50 with a cached token", token["p50"], "ms", f"{key['p50']:.3f} with a key"),
        row(
            f"throughput with {MANY} invokers", many["throughput"], "requests/s", f"{token['throughput']:.0f} with one"
        ),
        row(f"p50 with {MANY} invokers", many["p50"], "ms", f"{token['p50']:.3f} with one"),
    ]
