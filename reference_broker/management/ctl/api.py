"""The management API, as the command line asks it."""

import base64
import json
from collections.abc import Mapping
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import quote, unquote, urlencode, urlsplit
from urllib.request import Request, urlopen

_TIMEOUT = 60.0  # seconds, as rabbitmqctl's
_UNAUTHORISED, _MISSING = 401, 404


class CtlError(Exception):
    """A command has failed: what to say, and the exit code, one of sysexits.h as rabbitmqctl's."""

    def __init__(self, text: str, code: int) -> None:
        super().__init__(text)
        self.text = text
        self.code = code


USAGE, DATA, NO_USER, UNAVAILABLE, SOFTWARE = 64, 65, 67, 69, 70


class Refused(Exception):  # noqa: N818  an answer; the command says what it means
    """The API has refused."""

    def __init__(self, status: int, reason: Any) -> None:
        super().__init__(status, reason)
        self.status = status
        self.reason = reason if isinstance(reason, str) else json.dumps(reason)

    @property
    def missing(self) -> bool:
        """Whether what was named does not exist."""
        return self.status == _MISSING


class Api:
    """A client with one login."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme != "http" or not parts.hostname or parts.path not in {"", "/"}:
            form = "http://USER:PASSWORD@HOST:PORT"
            raise CtlError(f"{_shown(url)} is not the address of a management API: {form}", USAGE)
        host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
        self._base = f"http://{host}:{parts.port or 15672}/api"
        self.login(unquote(parts.username or "guest"), unquote(parts.password or "guest"))

    def login(self, user: str, password: str) -> None:
        """Ask as this user from now on."""
        self._login = base64.b64encode(f"{user}:{password}".encode()).decode()

    def get(self, *path: str) -> Any:
        """What is there. Raises Refused, CtlError."""
        return self.call("GET", *path)

    def call(
        self,
        method: str,
        *path: str,
        body: Any = None,
        reason: str = "",
        query: Mapping[str, str] | None = None,
    ) -> Any:
        """The answer. Raises Refused; CtlError where nobody answers, or the login is wrong."""
        headers = {"Authorization": f"Basic {self._login}", "Content-Type": "application/json"}
        if reason:
            headers["X-Reason"] = reason
        url = "/".join([self._base, *(quote(part, safe="") for part in path)])
        url += f"?{urlencode(query)}" if query else ""
        data = None if body is None else json.dumps(body).encode()
        request = Request(url, method=method, data=data, headers=headers)  # noqa: S310  http alone
        try:
            with urlopen(request, timeout=_TIMEOUT) as response:  # noqa: S310  the same
                text = response.read()
        except HTTPError as error:
            with error:
                raise self._refusal(error.code, error.read()) from error
        except (URLError, OSError) as error:
            why = error.reason if isinstance(error, URLError) else error
            raise CtlError(
                f"unable to reach a broker at {self._base}: {why}; is it running, with "
                "--management-port? --url names another",
                UNAVAILABLE,
            ) from error
        return json.loads(text) if text else None

    def _refusal(self, status: int, text: bytes) -> Exception:
        try:
            reason = json.loads(text)["reason"]
        except (ValueError, KeyError, TypeError):
            reason = f"HTTP status {status}"
        if status == _UNAUTHORISED:
            return CtlError(f"{reason}: --url names user and password", UNAVAILABLE)
        return Refused(status, reason)


def _shown(url: str) -> str:
    """The address without a password."""
    return url.rpartition("@")[2]
