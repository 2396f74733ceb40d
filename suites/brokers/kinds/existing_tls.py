"""A broker that someone else runs, and that the harness reaches over TLS."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

from suites.brokers.base import BrokerError, Endpoint
from suites.brokers.kind import Kind
from suites.brokers.kinds import existing
from suites.brokers.tls import Tls

DEFAULT_PORT = 5671
FORM = "amqps://USER:PASSWORD@HOST:PORT/VHOST?cacertfile=FILE"
PARAMETERS = ("cacertfile", "certfile", "keyfile", "verify", "server_name_indication")
"""Those of https://www.rabbitmq.com/docs/uri-query-parameters that say how TLS is spoken."""
VERIFY = {"verify_peer": True, "verify_none": False}


class ExistingTlsBroker(existing.ExistingBroker):
    """Answers at a URL whose query says whom to trust and who the client is."""

    kind = "amqps"

    def _parsed(self, spec: str) -> Endpoint:
        parts = urlsplit(spec)
        plain = existing.endpoint(parts._replace(query="").geturl(), DEFAULT_PORT, FORM)
        tls = _tls(dict(parse_qsl(parts.query, keep_blank_values=True)))
        try:
            tls.context()
        except OSError as error:
            raise BrokerError(f"the files of the broker's URL cannot be used: {error}") from error
        return replace(plain, tls=tls)


def _tls(query: Mapping[str, str]) -> Tls:
    if unknown := sorted(query.keys() - set(PARAMETERS)):
        raise BrokerError(
            f"the broker's URL has the parameter {unknown[0]!r}; known are {', '.join(PARAMETERS)}"
        )
    verify = query.get("verify", "verify_peer")
    if verify not in VERIFY:
        raise BrokerError(f"the broker's URL has verify={verify}; write {' or '.join(VERIFY)}")
    ca, certificate, key = (Path(query[n]) if n in query else None for n in PARAMETERS[:3])
    return Tls(ca, certificate, key, VERIFY[verify], query.get("server_name_indication"))


KIND = Kind(
    ExistingTlsBroker.kind, FORM, "the same over TLS; the query is RabbitMQ's", ExistingTlsBroker
)
