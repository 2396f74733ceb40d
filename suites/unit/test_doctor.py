"""The doctor on trial: brokers that are well, that lie, and that do not start for known reasons."""

import contextlib
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from suites.brokers import local
from suites.brokers.kinds import rabbitmq
from suites.brokers.process import Command
from suites.doctor import causes, report
from suites.doctor.probes import Finding
from suites.unit.liar import Liar
from suites.unit.test_brokers_real import needs_rabbitmq

ROOT = Path(__file__).parents[2]
NOWHERE = "a" * 64  # longer than a label may be: no resolver has to ask anybody


def shown(spec: str) -> tuple[str, bool]:
    """The whole screen, and whether it is all good news."""
    lines = list(report.screen(spec))
    return "\n".join(line for line, _good in lines), all(good for _line, good in lines)


def test_a_broker_that_is_well() -> None:
    """The reference broker keeps what it claims, and all of it fits one screen."""
    text, good = shown("reference")
    assert good, text
    assert "reference: mqproof reference broker" in text
    assert "publisher_confirms             yes       yes" in text
    assert "streams                        -         no: connection.close 540" in text
    assert "not probed" not in text
    assert len(text.splitlines()) <= 30


def test_claims_that_are_wrong() -> None:
    """A server that advertises basic.nack and never answers is caught."""
    with Liar(lambda _method: b"") as liar, pytest.MonkeyPatch.context() as patch:
        patch.setattr("suites.doctor.probes.TIMEOUT", 0.05)
        patch.setattr("suites.doctor.probes.PATIENCE", 0.05)
        patch.setattr("suites.harness.station.HEALTH_TIMEOUT", 0.05)
        text, good = shown(liar.endpoint.url)
    assert not good
    assert "basic.nack                     yes       no: silence" in text
    assert "Liar 1.2" in text
    assert "guest:guest" not in text


@pytest.mark.parametrize(
    ("claimed", "there", "good"),
    [(True, True, True), (True, False, False), (False, True, False), (None, False, True)],
)
def test_a_claim_is_good_if_it_is_true(claimed: bool | None, there: bool, good: bool) -> None:
    """What is not claimed and yet there is a wrong claim, too; what cannot be claimed is none."""
    _head, (line, told) = report.told([Finding("x", claimed, there, "silence")])
    assert told is good
    assert ("<- the claim is wrong" in line) is not good


def test_the_option_runs_no_test() -> None:
    """`--probe` prints the screen, and its exit code says whether there is trouble."""
    command = [sys.executable, "-m", "pytest", "--probe", "--broker"]
    done = subprocess.run(  # noqa: S603  our own interpreter and suites
        [*command, "amqp://guest:secret@127.0.0.1:1/"],
        cwd=ROOT,
        env={**os.environ, "MQPROOF_ALLOW_REMOTE": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stdout.startswith("amqp://guest:***@127.0.0.1:1/ does not run: no broker to test")
    wrong = subprocess.run(  # noqa: S603  the same
        [*command, "nonsense"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert wrong.returncode == pytest.ExitCode.USAGE_ERROR
    assert wrong.stderr.startswith("ERROR: no kind of broker is named `nonsense`")


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("{listen_error,{127,0,0,1},5672,enospc}", "directory: there is no room left"),
        ("mkdir: cannot create: Read-only file system", "directory: its file system is read-only"),
        ("Failed to create cookie file '/x/.erlang.cookie'", "cookie: /x/.erlang.cookie cannot"),
        ("rabbitmq-server is not installed: install", "RabbitMQ: it is not installed"),
        ("epmd does not listen on 127.0.0.1:25000: ", "epmd: it cannot listen on 127.0.0.1:25000"),
    ],
)
def test_causes_that_are_hard_to_make(text: str, cause: str) -> None:
    """What a test cannot bring about as any user is known by what is said of it."""
    assert str(causes.named(text)).startswith(cause)


def test_an_unknown_cause_is_not_guessed() -> None:
    """The end of the log is shown instead."""
    assert causes.named("{badmatch,something_new}") is None


def test_surroundings_of_this_machine() -> None:
    """Each check says what is wrong, and only where something is."""
    checks = {check.what: check.wrong for check in causes.surroundings()}
    assert len(checks) == 7
    assert not checks["ports can be listened on"]
    assert not checks["a cookie keeps its mode"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", "/nonexistent")
        checks = {check.what: check.wrong for check in causes.surroundings()}
    assert checks["epmd is on PATH"] == "epmd is not on PATH: install Erlang"


# Each cause brought about for real.

Patch = Callable[[pytest.MonkeyPatch], contextlib.AbstractContextManager[None]]


@contextlib.contextmanager
def cookie_that_others_may_read(patch: pytest.MonkeyPatch) -> Iterator[None]:
    """As on a file system that does not keep modes."""
    write = rabbitmq._write_files  # noqa: SLF001  spoilt on purpose, as all that follows

    def loosely(folder: Path, *rest: object) -> None:
        write(folder, *rest)  # type: ignore[arg-type]
        (folder / ".erlang.cookie").chmod(0o644)

    patch.setattr(rabbitmq, "_write_files", loosely)
    yield


def with_environment(**more: str) -> Patch:
    """The node's environment is otherwise."""

    @contextlib.contextmanager
    def change(patch: pytest.MonkeyPatch) -> Iterator[None]:
        make = rabbitmq._environment  # noqa: SLF001  the same

        def changed(*arguments: object) -> dict[str, str]:
            return {**make(*arguments), **more}  # type: ignore[arg-type]

        patch.setattr(rabbitmq, "_environment", changed)
        yield

    return change


@contextlib.contextmanager
def folder_that_is_a_file(patch: pytest.MonkeyPatch) -> Iterator[None]:
    """The node cannot make its folder; permissions would not stop root."""
    with with_environment(RABBITMQ_MNESIA_BASE=__file__)(patch):
        yield


def with_taken(variable: str) -> Patch:
    """The port that this variable names is taken between the harness's look and the node's."""

    @contextlib.contextmanager
    def change(patch: pytest.MonkeyPatch) -> Iterator[None]:
        start, taken = rabbitmq._start_epmd, contextlib.ExitStack()  # noqa: SLF001  the same

        def after(sandbox: object, port: int, command: Command) -> None:
            start(sandbox, port, command)  # type: ignore[arg-type]
            taken.enter_context(socket.create_server(("127.0.0.1", int(command.env[variable]))))

        patch.setattr(rabbitmq, "_start_epmd", after)
        patch.setattr(local, "PORT_ATTEMPTS", 1)
        with taken:
            yield

    return change


@contextlib.contextmanager
def no_epmd(patch: pytest.MonkeyPatch) -> Iterator[None]:
    """Erlang's port mapper is not on PATH."""
    find = shutil.which
    patch.setattr(shutil, "which", lambda name: None if name == "epmd" else find(name))
    yield


@contextlib.contextmanager
def epmd_that_cannot_listen(patch: pytest.MonkeyPatch) -> Iterator[None]:
    """The address is none of this machine's."""
    patch.setattr(rabbitmq, "HOST", "192.0.2.1")
    patch.setattr(rabbitmq, "EPMD_TIMEOUT", 2.0)
    yield


@needs_rabbitmq
@pytest.mark.parametrize(
    ("trouble", "cause"),
    [
        (cookie_that_others_may_read, "cause: cookie: Erlang refuses /"),
        (with_environment(RABBITMQ_NODENAME=f"x@{NOWHERE}"), f"cause: hostname: {NOWHERE} has"),
        (folder_that_is_a_file, "cause: directory: the node's folder cannot be made"),
        (with_taken("RABBITMQ_DIST_PORT"), "cause: port: the distribution port "),
        (with_taken("RABBITMQ_NODE_PORT"), "cause: port: it is taken by another process"),
        (with_environment(PATH="/nonexistent"), "cause: Erlang: its commands are not on PATH"),
        (no_epmd, "cause: epmd: Erlang's port mapper is not there"),
        (epmd_that_cannot_listen, "cause: epmd: it cannot listen on 192.0.2.1"),
    ],
    ids=["cookie", "hostname", "directory", "dist-port", "port", "erlang", "no-epmd", "epmd"],
)
def test_why_rabbitmq_does_not_start(
    trouble: Patch, cause: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A real node fails of it, and the cause is named with what to do."""
    with trouble(monkeypatch):
        text, good = shown("rabbitmq")
    assert not good
    assert text.startswith("rabbitmq does not run: ")
    assert cause in text
    assert "ok  RabbitMQ is installed" in text
