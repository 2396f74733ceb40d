"""How passwords are kept: as hashes, by RabbitMQ's way or by scrypt.

RabbitMQ's is base64 of four octets of salt and SHA-256 of salt and password
(https://www.rabbitmq.com/docs/passwords). It is the default, since definitions go from one broker
to the other, and it costs nothing to guess against. Scrypt (RFC 7914) costs 16 MiB and some 40 ms a
guess; its hashes are in the PHC string format, `$scrypt$ln=14,r=8,p=1$SALT$DIGEST`, and mean
nothing to RabbitMQ.
"""

import base64
import binascii
import hashlib
import hmac
import os
import re

SHA256 = "rabbit_password_hashing_sha256"
SCRYPT = "scrypt"
ALGORITHMS = {"sha256": SHA256, "scrypt": SCRYPT}
"""What an operator calls them -> what definitions files call them."""

_SALT = 4  # octets, as RabbitMQ has it
_LONG_SALT = 16
_COST, _BLOCK, _LANES = 14, 8, 1  # 2**14 blocks of 128 * 8 octets: what RFC 7914 has for logins
_PHC = re.compile(r"\$scrypt\$ln=(\d{1,2}),r=(\d{1,2}),p=(\d)\$([A-Za-z0-9+/]+)\$([A-Za-z0-9+/]+)")
_MEMORY = 2**26  # octets that a hash from a definitions file may ask for


def hash_password(password: str, salt: bytes | None = None) -> str:
    """The password's salted SHA-256, in base64, as definitions files hold it."""
    salt = os.urandom(_SALT) if salt is None else salt
    digest = hashlib.sha256(salt + password.encode()).digest()
    return base64.b64encode(salt + digest).decode()


def scrypt_password(password: str) -> str:
    """The password's scrypt, salted, in the PHC string format."""
    salt = os.urandom(_LONG_SALT)
    digest = _scrypt(password, salt, _COST, _BLOCK, _LANES)
    return f"$scrypt$ln={_COST},r={_BLOCK},p={_LANES}${_text(salt)}${_text(digest)}"


HASHERS = {SHA256: hash_password, SCRYPT: scrypt_password}


def algorithm_of(known: str) -> str:
    """By which algorithm a hash was made."""
    return SCRYPT if known.startswith("$scrypt$") else SHA256


def check_hash(known: str) -> None:
    """Raise ValueError when no password could ever match."""
    if algorithm_of(known) == SHA256:
        base64.b64decode(known, validate=True)
        return
    found = _PHC.fullmatch(known)
    if found is None:
        raise ValueError("not $scrypt$ln=…,r=…,p=…$SALT$DIGEST")
    cost, block = int(found[1]), int(found[2])
    if not cost or not block or not int(found[3]) or 128 * block * 2**cost > _MEMORY:
        raise ValueError(f"scrypt with ln={cost} and r={block} is too much, or nothing")
    _octets(found[4])


def matches(password: str, known: str) -> bool:
    """Whether the hash is that of the password; it takes as long whatever the answer is."""
    found = _PHC.fullmatch(known)
    if found is None:
        salt = base64.b64decode(known)[:_SALT]
        return hmac.compare_digest(hash_password(password, salt), known)
    cost, block, lanes = (int(found[group]) for group in (1, 2, 3))
    digest = _scrypt(password, _octets(found[4]), cost, block, lanes)
    return hmac.compare_digest(_text(digest), found[5])


def _scrypt(password: str, salt: bytes, cost: int, block: int, lanes: int) -> bytes:
    return hashlib.scrypt(
        password.encode(), salt=salt, n=2**cost, r=block, p=lanes, maxmem=2 * _MEMORY, dklen=32
    )


def _text(octets: bytes) -> str:
    return base64.b64encode(octets).decode().rstrip("=")


def _octets(text: str) -> bytes:
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except binascii.Error as cause:
        raise ValueError(f"not base64: {text}") from cause
