"""Certificates for one broker and its clients, from an authority of its own."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import trustme

from suites.brokers.base import BrokerError, Endpoint
from suites.brokers.tls import Tls

SETTINGS = ("tls", "tls-login")
"""Keys of a broker's string: `tls` opens a second port and says whether clients need a certificate
there, `tls-login` which part of it names the user."""
VERIFY = ("none", "optional", "required")
LOGINS = ("distinguished_name", "common_name")


def check(kind: str, settings: Mapping[str, str]) -> None:
    """BrokerError for values that there are not."""
    for key, allowed in zip(SETTINGS, (VERIFY, LOGINS), strict=True):
        if key in settings and settings[key] not in allowed:
            raise BrokerError(f"`{kind}`: `{key}` can only be {', '.join(allowed)}")
    if "tls-login" in settings and "tls" not in settings:
        raise BrokerError(f"`{kind}`: `tls-login` says nothing without `tls`")


class Authority:
    """Who vouches for a broker and for its clients; its files lie in `folder`."""

    def __init__(self, folder: Path, host: str) -> None:
        self._folder = folder
        self._authority = trustme.CA()
        self.ca = folder / "ca.pem"
        self.certificate, self.key = folder / "server.pem", folder / "server-key.pem"
        self._authority.cert_pem.write_to_path(self.ca)
        server = self._authority.issue_cert(host)
        server.cert_chain_pems[0].write_to_path(self.certificate)
        server.private_key_pem.write_to_path(self.key)

    def client(self, common_name: str, organization: str = "mqproof") -> Path:
        """The file of a client's certificate and key."""
        client = self._authority.issue_cert(
            f"{common_name}@example.test",
            common_name=common_name,
            organization_name=organization,
            organization_unit_name="clients",
        )
        path = self._folder / f"client-{len(list(self._folder.glob('client-*')))}.pem"
        client.private_key_and_cert_chain_pem.write_to_path(path)
        return path


@dataclass(frozen=True, slots=True)
class TlsPort:
    """A broker's port with TLS, and who vouches for its clients."""

    endpoint: Endpoint
    authority: Authority

    @classmethod
    def on(cls, folder: Path, host: str, port: int) -> "TlsPort":
        """One whose broker's certificates lie in this folder."""
        authority = Authority(folder, host)
        return cls(Endpoint(host, port, tls=Tls(cacertfile=authority.ca)), authority)
