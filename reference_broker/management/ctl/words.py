"""The words of a command line: options may stand anywhere, as rabbitmqctl lets them."""

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from .api import USAGE, CtlError
from .output import FORMATTERS, Output

URL = "MQPROOF_MANAGEMENT_URL"
_DEFAULT_URL = "http://guest:guest@127.0.0.1:15672"

_VALUES = {
    "-p": "vhost",
    "--vhost": "vhost",
    "--formatter": "formatter",
    "--url": "url",
    "--priority": "priority",
    "--apply-to": "apply-to",
}
_SWITCHES = {
    "-q": "quiet",
    "--quiet": "quiet",
    "-s": "silent",
    "--silent": "silent",
    "--no-table-headers": "no-table-headers",
    "--if-empty": "if-empty",
    "-e": "if-empty",
    "--if-unused": "if-unused",
    "-u": "if-unused",
}
GLOBAL = frozenset({"vhost", "formatter", "url", "quiet", "silent", "no-table-headers"})
"""Options that every command takes."""


@dataclass(frozen=True, slots=True)
class Words:
    """What was asked for."""

    command: str
    arguments: Sequence[str]
    options: Mapping[str, str] = field(default_factory=dict)

    @property
    def vhost(self) -> str:
        """The vhost to work in."""
        return self.options.get("vhost", "/")

    @property
    def url(self) -> str:
        """Where the API is, with the login."""
        return self.options.get("url") or os.environ.get(URL) or _DEFAULT_URL

    @property
    def output(self) -> Output:
        """How to write."""
        silent = "silent" in self.options
        return Output(
            self.options.get("formatter", "table"),
            quiet=silent or "quiet" in self.options,
            headers=not silent and "no-table-headers" not in self.options,
        )


def read(line: Sequence[str]) -> Words:
    """The command with its arguments and options. Raises CtlError."""
    arguments: list[str] = []
    options: dict[str, str] = {}
    words = iter(line)
    for word in words:
        if word == "--":
            arguments += words
            break
        name, equals, value = word.partition("=")
        if word in _SWITCHES:
            options[_SWITCHES[word]] = ""
        elif name in _VALUES:
            options[_VALUES[name]] = value if equals else _next(words, name)
        elif word.startswith("--"):
            raise CtlError(f"Invalid options for this command:\n\n{word} : no such option", USAGE)
        else:
            arguments.append(word)
    formatter = options.get("formatter", "table")
    if formatter not in FORMATTERS:
        raise CtlError(f"no formatter {formatter!r}; there are {', '.join(FORMATTERS)}", USAGE)
    return Words(arguments[0] if arguments else "help", arguments[1:], options)


def _next(words: Iterator[str], name: str) -> str:
    value = next(words, None)
    if value is None:
        raise CtlError(f"{name} needs a value", USAGE)
    return value
