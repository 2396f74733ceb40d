"""Change roots: how they are entered, how they are made, and what is said where that fails."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

from suites.brokers import roots
from suites.brokers.base import BrokerError, Unsupported
from suites.brokers.change_root import ChangeRoot
from suites.brokers.kinds.rabbitmq import RabbitMQ
from suites.brokers.process import Command

needs_root = pytest.mark.skipif(
    os.geteuid() != 0 or shutil.which("unshare") is None, reason="needs root, and Linux's unshare"
)


@pytest.fixture
def anybody(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever runs the tests seems to be root on Linux."""
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(shutil, "which", lambda name: f"/usr/bin/{name}")


@needs_root
def test_a_command_runs_within() -> None:
    """It sees the files of the root, and the harness's temporary ones under their own names."""
    root = ChangeRoot(Path("/"))
    with tempfile.NamedTemporaryFile() as shared:
        asked = root.command(Command(["ls", shared.name, "/etc/passwd"], dict(os.environ)))
        told = subprocess.check_output(asked.argv, env=asked.env, text=True)  # noqa: S603  ours
    assert set(told.split()) == {shared.name, "/etc/passwd"}


@pytest.mark.usefixtures("anybody")
def test_paths_are_translated(tmp_path: Path) -> None:
    """A path of the inside is below the folder, and back."""
    root = ChangeRoot(tmp_path)
    assert root.outside(Path("/usr/bin")) == tmp_path / "usr/bin"
    assert root.inside(tmp_path / "usr/bin") == Path("/usr/bin")


@pytest.mark.usefixtures("anybody")
def test_a_library_that_is_not_within_is_told(tmp_path: Path) -> None:
    """A fault that works by a library is unsupported where the root has none, and not unfelt."""
    root = ChangeRoot(tmp_path)
    root.require({})
    root.require({"LD_PRELOAD": f"{tempfile.gettempdir()}/shim.so"})
    with pytest.raises(Unsupported, match=r"has no /usr/lib/libfaketime.so: install its package"):
        root.require({"LD_PRELOAD": "/usr/lib/libfaketime.so"})


def nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not the super-user."""
    monkeypatch.setattr(os, "geteuid", lambda: 1000)


def no_tools(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not Linux."""
    monkeypatch.setattr(shutil, "which", lambda _name: None)


@pytest.mark.usefixtures("anybody")
@pytest.mark.parametrize(
    ("trouble", "said"),
    [
        (nobody, "a change root needs root, for mounts of its own"),
        (no_tools, "a change root needs unshare, chroot, mount, of Linux"),
    ],
)
def test_why_one_cannot_be_entered(
    trouble: Callable[[pytest.MonkeyPatch], None],
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The kind says so when it is named, before anything is started."""
    trouble(monkeypatch)
    with pytest.raises(BrokerError, match=said):
        RabbitMQ(f"root={tmp_path}")


@pytest.mark.usefixtures("anybody")
def test_a_folder_that_holds_no_rabbitmq(tmp_path: Path) -> None:
    """Nor is there, or holds no RabbitMQ: both say how a root is made."""
    with pytest.raises(BrokerError, match=r"there is no folder /nowhere: make one by `python -m"):
        RabbitMQ("root=/nowhere")
    broker = RabbitMQ(f"root={tmp_path}")
    with pytest.raises(BrokerError, match=f"{tmp_path} holds no RabbitMQ: make one by"):
        broker.start()


@pytest.mark.usefixtures("anybody")
@pytest.mark.parametrize(
    ("trouble", "name", "said"),
    [
        (nobody, "new", "a change root is made as root"),
        (no_tools, "new", "debootstrap is not on PATH: `apt-get install debootstrap`"),
        (None, ".", "is there already"),
    ],
)
def test_why_one_cannot_be_made(
    trouble: Callable[[pytest.MonkeyPatch], None] | None,
    name: str,
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """One line says what is wrong, and the exit code is 2."""
    if trouble is not None:
        trouble(monkeypatch)
    assert roots.main(["make", "4.0.5", str(tmp_path / name)]) == 2
    assert said in capsys.readouterr().err


@pytest.mark.usefixtures("anybody")
def test_one_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The release's base, no services, then the packages; and the broker's string."""
    ran: list[list[str]] = []

    def run(argv: list[str], **_options: object) -> "subprocess.CompletedProcess[str]":
        ran.append(argv)
        for made in ("usr/sbin", "usr/lib/rabbitmq/lib/rabbitmq_server-4.0.6"):
            (folder / made).mkdir(parents=True, exist_ok=True)
        return subprocess.CompletedProcess(argv, 0)

    folder = tmp_path / "root"
    monkeypatch.setattr(subprocess, "run", run)
    assert roots.main(["make", "4.0.5", str(folder), "--mirror", "http://mirror"]) == 0
    bootstrap, install = ran
    assert bootstrap[2:] == [
        "debootstrap",
        "--variant=minbase",
        "trixie",
        str(folder),
        "http://mirror",
    ]
    assert install[-2:] == ["rabbitmq-server", "libfaketime"]
    assert (folder / "usr/sbin/policy-rc.d").stat().st_mode & 0o111
    said = capsys.readouterr()
    assert said.out == f"--broker rabbitmq:root={folder} is RabbitMQ 4.0.6\n"
    assert said.err == "roots: trixie has moved on to 4.0.6\n"


@pytest.mark.usefixtures("anybody")
def test_a_step_that_fails_ends_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The command and its status are named; its own words stand above."""
    failed: subprocess.CompletedProcess[str] = subprocess.CompletedProcess(["debootstrap"], 1)
    monkeypatch.setattr(subprocess, "run", lambda *_words, **_options: failed)
    assert roots.main(["make", "4.0.5", str(tmp_path / "root")]) == 2
    assert "debootstrap --variant=minbase trixie" in (said := capsys.readouterr().err)
    assert "failed with status 1; above stands what it said" in said
