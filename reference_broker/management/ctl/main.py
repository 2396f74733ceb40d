"""The command line itself."""

import sys
from collections.abc import Sequence

from . import access, lists, node, things  # noqa: F401  they fill the table
from .api import USAGE, Api, CtlError, Refused
from .command import COMMANDS, Task
from .words import read

_OMITTED = {
    "list_unresponsive_queues": "every queue of this broker lives in one event loop: none can be "
    "unresponsive while another answers",
}
_HELP = """\
usage: python -m reference_broker ctl [--url http://USER:PASSWORD@HOST:PORT] [-p VHOST] [-q] [-s]
           [--formatter table|pretty_table|json] [--no-table-headers] COMMAND ...

RabbitMQ's commands for a broker that runs with --management-port. The address may also stand in the
environment variable MQPROOF_MANAGEMENT_URL; it is http://guest:guest@127.0.0.1:15672 by default.

commands:
"""


def main(line: Sequence[str]) -> int:
    """Do one command; the exit code."""
    try:
        words = read(line)
        if words.command in {"help", "-h", "--help"}:
            sys.stdout.write(_HELP + "".join(f"  {COMMANDS[n].usage}\n" for n in sorted(COMMANDS)))
            return 0
        if words.command in _OMITTED:
            raise CtlError(f"{words.command} is not offered: {_OMITTED[words.command]}", USAGE)  # noqa: TRY301
        found = COMMANDS.get(words.command)
        if found is None:
            raise CtlError(f"Command '{words.command}' not found; `ctl help` lists all", USAGE)  # noqa: TRY301
        found.check(words)
        found.do(Task(words, Api(words.url), words.output))
    except CtlError as error:
        space = " " if error.text.startswith("(") else "\n"
        sys.stderr.write(f"Error{space if space == ' ' else ':' + space}{error.text}\n")
        return error.code
    except Refused as refused:
        sys.stderr.write(f"Error:\n{refused.reason}\n")
        return 69
    except BrokenPipeError:
        return 0
    return 0
