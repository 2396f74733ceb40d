"""The parts of the command line that need no broker, and what it says without one."""

from typing import Any

import pytest

from reference_broker.management.ctl.api import Api, CtlError
from reference_broker.management.ctl.main import main
from reference_broker.management.ctl.node import _octets
from reference_broker.management.ctl.terms import Arguments, Tags, as_json, shown
from reference_broker.management.ctl.words import read
from reference_broker.server.command import main as broker_main


def test_options_may_stand_anywhere() -> None:
    """Before and after the command, with a space or an equals sign; after -- all is arguments."""
    words = read(["-q", "list_queues", "--vhost=v", "name", "--formatter", "json", "--", "-p"])
    assert (words.command, list(words.arguments)) == ("list_queues", ["name", "-p"])
    assert (words.vhost, words.output.formatter, words.output.quiet) == ("v", "json", True)
    assert read(["list_users", "-s"]).output.headers is False


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (["list_queues", "--formatter", "xml"], "no formatter 'xml'"),
        (["list_queues", "-p"], "-p needs a value"),
        (["list_queues", "--colour"], "--colour : no such option"),
        (["list_queues", "--url", "ftp://x"], "is not the address of a management API"),
        (["list_queues", "--if-empty"], "no option --if-empty"),
        (["list_unresponsive_queues"], "list_unresponsive_queues is not offered: every queue"),
        (["nothing"], "Command 'nothing' not found"),
        (["delete_user"], "not enough arguments"),
        (["delete_user", "a", "b"], "too many arguments"),
        (["set_disk_free_limit", "5 apples"], "Bad argument"),
        (["set_vm_memory_high_watermark", "absolute", "much"], "Bad argument"),
    ],
)
def test_wrong_use(capsys: pytest.CaptureFixture[str], line: list[str], told: str) -> None:
    """Each ends with an exit code of sysexits.h, and says what was wrong on standard error."""
    assert main(line) in {64, 65}
    written = capsys.readouterr()
    assert told in written.err
    assert written.out == ""


def test_no_broker(capsys: pytest.CaptureFixture[str]) -> None:
    """The address is named, without the password in it."""
    url = "http://me:secret@127.0.0.1:1"
    assert broker_main(["ctl", "--url", url, "-q", "list_users"]) == 69
    told = capsys.readouterr().err
    assert "unable to reach a broker at http://127.0.0.1:1/api" in told
    assert "--management-port" in told
    assert "secret" not in told


def test_a_wrong_address_does_not_show_the_password() -> None:
    """Where the address cannot be used at all."""
    with pytest.raises(CtlError) as caught:
        Api("https://me:secret@localhost/")
    assert "secret" not in str(caught.value)


def test_help(capsys: pytest.CaptureFixture[str]) -> None:
    """All commands are listed as they are written."""
    assert main([]) == main(["help"]) == 0
    assert "  set_permissions [--vhost <vhost>] <username>" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("value", "text", "in_json"),
    [
        (None, "", ""),
        (True, "true", True),
        ("a\tb\nc", "a\\tb\\nc", "a\tb\nc"),
        (Tags(["a", "b"]), "[a, b]", ["a", "b"]),
        (Arguments({}), "[]", []),
        (
            Arguments({"k": 1, "s": "x", "t": {"b": False}, "l": [2**40, 0.5]}),
            '[{"k",1},{"s","x"},{"t",[{"b",false}]},{"l",[1099511627776,0.5]}]',
            [
                ["k", "signedint", 1],
                ["s", "longstr", "x"],
                ["t", "table", [["b", "bool", False]]],
                ["l", "array", [["long", 2**40], ["double", 0.5]]],
            ],
        ),
    ],
)
def test_values(value: Any, text: str, in_json: Any) -> None:
    """As rabbitmqctl shows them."""
    assert (shown(value), as_json(value)) == (text, in_json)


def test_sizes() -> None:
    """Units of thousands and of 1024, as RabbitMQ reads them."""
    task: Any = None
    sizes = {"7": 7, "2kB": 2000, "2GB": 2 * 10**9, "1GiB": 2**30, "1M": 2**20, "5 MB": 5 * 10**6}
    assert {text: _octets(task, text) for text in sizes} == sizes
