"""Toxiproxy's HTTP API, version 2, without its HTTP: a request in, an answer out."""

import json
import re
import threading
from collections.abc import Callable
from typing import Any, NamedTuple

from .errors import ApiError, bad_request, proxy_exists, proxy_not_found
from .named import NamedProxy, flag

VERSION = "2.5.0+mqproof"
"""The Toxiproxy whose API this is."""


class Answer(NamedTuple):
    """What an HTTP server sends."""

    status: int
    body: bytes = b""
    type: str = "application/json"


class Api:
    """All proxies by name. Safe to call from several threads."""

    def __init__(self, seed: int = 0) -> None:
        self._seed = seed
        self._proxies: dict[str, NamedProxy] = {}
        self._lock = threading.Lock()

    def handle(self, method: str, path: str, body: bytes) -> Answer:
        """Answer one request; a refusal is an answer as well."""
        methods = [(verb, match, act) for verb, at, act in ROUTES if (match := at.fullmatch(path))]
        if not methods:
            return Answer(404, b"404 page not found\n", "text/plain; charset=utf-8")
        for verb, match, act in methods:
            if method in verb:
                return self._answer(act, match.groups(), body)
        return Answer(405)

    def close(self) -> None:
        """Stop every proxy."""
        with self._lock:
            for proxy in self._proxies.values():
                proxy.stop()
            self._proxies.clear()

    def _answer(self, act: "Action", names: tuple[str, ...], body: bytes) -> Answer:
        with self._lock:
            try:
                return act(self, body, *names)
            except ApiError as error:
                return _json(error.status, _error(error))

    def index(self, _: bytes) -> Answer:
        """All proxies."""
        return _json(200, {name: proxy.json for name, proxy in self._proxies.items()})

    def create(self, body: bytes) -> Answer:
        """A new proxy."""
        given = _object(body)
        proxy = NamedProxy(given, self._seed)
        if proxy.name in self._proxies:
            raise proxy_exists()
        if flag(given, "enabled", default=True):
            proxy.start()
        self._proxies[proxy.name] = proxy
        return _json(201, proxy.json)

    def populate(self, body: bytes) -> Answer:
        """Several proxies; one that is as described already stays untouched."""
        given = _decoded(body)
        if not isinstance(given, list) or not all(isinstance(one, dict) for one in given):
            raise bad_request("give a list of proxies")
        done: list[NamedProxy] = []
        wanted = [
            (NamedProxy(one, self._seed, f" at proxy {number}"), flag(one, "enabled", default=True))
            for number, one in enumerate(given, 1)
        ]
        try:
            for proxy, enabled in wanted:
                done.append(self._replace(proxy, enabled=enabled))
        except ApiError as error:
            return _json(error.status, _error(error) | {"proxies": [p.json for p in done]})
        return _json(201, {"proxies": [p.json for p in done]})

    def reset(self, _: bytes) -> Answer:
        """Start every proxy and remove every toxic."""
        for proxy in self._proxies.values():
            proxy.reset()
        return Answer(204)

    def version(self, _: bytes) -> Answer:
        """The version of Toxiproxy."""
        return Answer(200, VERSION.encode(), "text/plain; charset=utf-8")

    def show(self, _: bytes, name: str) -> Answer:
        """One proxy."""
        return _json(200, self._proxy(name).json)

    def update(self, body: bytes, name: str) -> Answer:
        """Change, stop or start one proxy."""
        proxy = self._proxy(name)
        proxy.update(_object(body))
        return _json(200, proxy.json)

    def delete(self, _: bytes, name: str) -> Answer:
        """Stop one proxy and forget it."""
        self._proxy(name).stop()
        del self._proxies[name]
        return Answer(204)

    def toxics(self, _: bytes, name: str) -> Answer:
        """The toxics of one proxy."""
        return _json(200, self._proxy(name).toxics_json)

    def add_toxic(self, body: bytes, name: str) -> Answer:
        """A new toxic."""
        return _json(200, self._proxy(name).add(_object(body)).json)

    def toxic(self, _: bytes, name: str, toxic: str) -> Answer:
        """One toxic."""
        return _json(200, self._proxy(name).toxic(toxic).json)

    def change_toxic(self, body: bytes, name: str, toxic: str) -> Answer:
        """Change one toxic."""
        return _json(200, self._proxy(name).change(toxic, _object(body)).json)

    def remove_toxic(self, _: bytes, name: str, toxic: str) -> Answer:
        """Remove one toxic."""
        self._proxy(name).remove(toxic)
        return Answer(204)

    def _proxy(self, name: str) -> NamedProxy:
        if name not in self._proxies:
            raise proxy_not_found()
        return self._proxies[name]

    def _replace(self, proxy: NamedProxy, *, enabled: bool) -> NamedProxy:
        former = self._proxies.get(proxy.name)
        if former is not None:
            if (former.listen, former.upstream) == (proxy.listen, proxy.upstream):
                return former
            former.stop()
        if enabled:
            proxy.start()
        self._proxies[proxy.name] = proxy
        return proxy


Action = Callable[..., Answer]

_CHANGE = ("POST", "PATCH")
_PROXY = re.compile(r"/proxies/([^/]+)")
_TOXICS = re.compile(r"/proxies/([^/]+)/toxics")
_TOXIC = re.compile(r"/proxies/([^/]+)/toxics/([^/]+)")

ROUTES: tuple[tuple[tuple[str, ...], re.Pattern[str], Action], ...] = (
    (("GET",), re.compile("/proxies"), Api.index),
    (("POST",), re.compile("/proxies"), Api.create),
    (("POST",), re.compile("/populate"), Api.populate),
    (("POST",), re.compile("/reset"), Api.reset),
    (("GET",), re.compile("/version"), Api.version),
    (("GET",), _PROXY, Api.show),
    (_CHANGE, _PROXY, Api.update),
    (("DELETE",), _PROXY, Api.delete),
    (("GET",), _TOXICS, Api.toxics),
    (("POST",), _TOXICS, Api.add_toxic),
    (("GET",), _TOXIC, Api.toxic),
    (_CHANGE, _TOXIC, Api.change_toxic),
    (("DELETE",), _TOXIC, Api.remove_toxic),
)


def _json(status: int, value: object) -> Answer:
    return Answer(status, json.dumps(value).encode())


def _error(error: ApiError) -> dict[str, Any]:
    return {"error": error.text, "status": error.status}


def _decoded(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError as error:
        raise bad_request(error) from None


def _object(body: bytes) -> dict[str, Any]:
    given = _decoded(body)
    if not isinstance(given, dict):
        raise bad_request("give an object")
    return given
