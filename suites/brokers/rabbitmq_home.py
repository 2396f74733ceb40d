"""Where the installed RabbitMQ is, and a lean view of it that starts in 60 % of the time."""

import os
from collections.abc import Collection
from pathlib import Path

from suites.brokers.base import BrokerError
from suites.brokers.change_root import HOW_TO_MAKE_ONE, ChangeRoot

HOME_VARIABLE = "MQPROOF_RABBITMQ_HOME"
# Debian's wrappers on PATH insist on root and replace HOME, so the real scripts come first.
PLACES = (
    "/usr/lib/rabbitmq/bin",
    "/opt/homebrew/opt/rabbitmq/sbin",
    "/usr/local/opt/rabbitmq/sbin",
)


def script(name: str, root: ChangeRoot | None = None) -> Path:
    """The path of one of RabbitMQ's scripts: from the variable, known places, or PATH.

    Within a change root, where there is one: there, it is in the package's place.
    """
    if root is not None:
        path = Path(PLACES[0], name)
        if not root.outside(path).is_file():
            raise BrokerError(f"{root.folder} holds no RabbitMQ: {HOW_TO_MAKE_ONE}")
        return path
    home = os.environ.get(HOME_VARIABLE)
    places = [f"{home}/sbin", f"{home}/bin", home] if home else [*PLACES, *os.get_exec_path()]
    for place in places:
        path = Path(place, name)
        if path.is_file() and os.access(path, os.X_OK):
            return path
    if home:
        raise BrokerError(f"{HOME_VARIABLE}={home} holds no {name}, nor do its sbin and bin")
    raise BrokerError(
        f"{name} is not installed: install RabbitMQ (Debian: `apt-get install rabbitmq-server`, "
        f"macOS: `brew install rabbitmq`), or set {HOME_VARIABLE} to its folder"
    )


def lean_scripts(
    folder: Path, wanted: Collection[str] = (), root: ChangeRoot | None = None
) -> Path | None:
    """Lay links to the scripts, the plugins `wanted` and what any node needs into `folder`.

    None if they lie unusually. The links are those that hold within the change root.

    Every folder of plugins on Erlang's code path, enabled or not, costs time at each start.
    """
    server = script("rabbitmq-server", root)
    home = (root.outside(server) if root else server).resolve().parents[1]
    plugins = home / "plugins"
    if not plugins.is_dir() or not (home / "sbin").is_dir():
        return None
    (folder / "plugins").mkdir(parents=True)
    needed = [entry for entry in plugins.iterdir() if _needed(entry.name, wanted)]
    for target in (home / "sbin", home / "escript", *needed):
        link = folder / target.relative_to(home)
        link.symlink_to(root.inside(target) if root else target)
    return folder / "sbin"


def _needed(plugin: str, wanted: Collection[str]) -> bool:
    name = plugin.partition("-")[0]  # NAME-VERSION
    return not name.startswith("rabbitmq_") or name == "rabbitmq_prelaunch" or name in wanted
