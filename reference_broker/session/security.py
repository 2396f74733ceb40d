"""What TLS has settled for a connection, and who its certificate says the client is.

Names are written as RFC 4514 has it, most specific part first, in the way of RabbitMQ, since users
are named so: https://www.rabbitmq.com/docs/access-control#mechanisms. What is not printable ASCII
is written as the hexadecimal of its octets.
"""

from dataclasses import dataclass

Name = tuple[tuple[tuple[str, str], ...], ...]
"""A distinguished name as `ssl.SSLObject.getpeercert` gives it: its parts, most general first."""

EXTERNAL = "EXTERNAL"  # the SASL mechanism that asks for no password (RFC 4422, appendix A)

_COMMON_NAME = "commonName"
_KEYWORDS = {
    _COMMON_NAME: "CN",
    "surname": "SN",
    "serialNumber": "SERIALNUMBER",
    "countryName": "C",
    "localityName": "L",
    "stateOrProvinceName": "ST",
    "streetAddress": "STREET",
    "organizationName": "O",
    "organizationalUnitName": "OU",
    "title": "TITLE",
    "name": "NAME",
    "givenName": "GIVENNAME",
    "initials": "INITIALS",
    "generationQualifier": "GENERATIONQUALIFIER",
    "dnQualifier": "DNQUALIFIER",
    "pseudonym": "PSEUDONYM",
    "domainComponent": "DC",
    "emailAddress": "EMAILADDRESS",
    "userId": "UID",
    "UID": "UID",
}
_SPECIAL = set(',+"\\<>;')


@dataclass(frozen=True, slots=True)
class Security:
    """One connection's TLS; the names are empty where the client has shown no certificate."""

    version: str  # as RabbitMQ writes it: tlsv1.3
    asks: bool  # whether clients are asked for a certificate, so that EXTERNAL makes sense
    login: str = ""  # the user that the certificate names
    subject: str = ""
    issuer: str = ""


def distinguished_name(name: Name) -> str:
    """The whole name in one line."""
    return ",".join("+".join(_assertion(*pair) for pair in part) for part in reversed(name))


def common_name(name: Name) -> str:
    """The common name; those of a certificate that has several are joined by commas."""
    return ",".join(value for part in name for kind, value in part if kind == _COMMON_NAME)


def _assertion(kind: str, value: str) -> str:
    return f"{_KEYWORDS.get(kind, kind)}={_escaped(value)}"


def _escaped(value: str) -> str:
    escaped = [_escaped_letter(letter) for letter in value]
    if value[:1] in {" ", "#"}:
        escaped[0] = f"\\{value[0]}"
    if value[1:].endswith(" "):
        escaped[-1] = "\\ "
    return "".join(escaped)


def _escaped_letter(letter: str) -> str:
    if letter in _SPECIAL:
        return f"\\{letter}"
    if " " <= letter < "~":
        return letter
    return "".join(f"\\{octet:02X}" for octet in letter.encode())
