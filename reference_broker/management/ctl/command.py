"""The table of commands."""

from collections.abc import Callable, Collection
from dataclasses import dataclass

from .api import USAGE, Api, CtlError
from .output import Output
from .words import GLOBAL, Words


@dataclass(frozen=True, slots=True)
class Task:
    """One command to be done."""

    words: Words
    api: Api
    output: Output

    @property
    def arguments(self) -> tuple[str, ...]:
        """The words after the command."""
        return tuple(self.words.arguments)

    @property
    def vhost(self) -> str:
        """The vhost to work in."""
        return self.words.vhost


Do = Callable[[Task], None]


@dataclass(frozen=True, slots=True)
class Command:
    """How a command is written, how many words it takes, and what it does."""

    usage: str
    least: int
    most: int | None
    options: frozenset[str]
    do: Do

    @property
    def name(self) -> str:
        """Its first word."""
        return self.usage.partition(" ")[0]

    def check(self, words: Words) -> None:
        """Refuse too few and too many words. Raises CtlError."""
        count = len(words.arguments)
        if count < self.least:
            raise self.misused("not enough arguments.", words)
        if self.most is not None and count > self.most:
            raise self.misused("too many arguments.", words)
        for option in words.options.keys() - GLOBAL - self.options:
            raise self.misused(f"no option --{option}.", words)

    def misused(self, why: str, words: Words) -> CtlError:
        """The error of a wrong use, with the right one."""
        given = "\t" + " ".join([words.command, *words.arguments])
        return CtlError(
            f"(argument validation): {why}\nArguments given:\n{given}\n\n"
            f"\x1b[1mUsage\x1b[0m\n\npython -m reference_broker ctl [--url <url>] [--quiet] "
            f"{self.usage}",
            USAGE,
        )


COMMANDS: dict[str, Command] = {}


def command(
    usage: str, least: int = 0, most: int | None = None, options: Collection[str] = ()
) -> Callable[[Do], Do]:
    """Enter a function into the table; `most` words, by default as many as `least`."""

    def enter(do: Do) -> Do:
        entered = Command(usage, least, least if most is None else most, frozenset(options), do)
        COMMANDS[entered.name] = entered
        return do

    return enter
