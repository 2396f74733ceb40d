"""A private RabbitMQ node: own ports, folders, cookie and epmd.

From the installed package, or, with `root`, from that of another Debian in a change root.
"""

import os
import re
import shutil
import socket
import ssl
import time
from collections.abc import Collection, Mapping
from pathlib import Path

from suites.brokers import certificates, definitions, ports, rabbitmq_home
from suites.brokers.administration import Administration
from suites.brokers.base import BrokerError, Endpoint, Unsupported
from suites.brokers.certificates import TlsPort
from suites.brokers.change_root import ChangeRoot
from suites.brokers.ctl_administration import CtlAdministration
from suites.brokers.http_administration import HttpAdministration
from suites.brokers.kind import Kind, options
from suites.brokers.local import HOST, LocalBroker
from suites.brokers.process import Command
from suites.brokers.sandbox import Sandbox

EPMD_TIMEOUT = 10.0
CTL_TIMEOUT = 60.0
TLS_TIMEOUT, TLS_TRIES = 10.0, 3  # a node gives up a handshake after 5 s
LOOPBACK_DISTRIBUTION = "-kernel inet_dist_use_interface {127,0,0,1}"
KEPT_VARIABLES = ("PATH", "LANG", "TMPDIR")  # a user's RABBITMQ_* and ERL_* must not leak in
CONFIGURATION = """\
listeners.tcp.1 = {host}:{port}
load_definitions = {folder}/definitions.json
"""
LINES = (
    "channel-max-per-node",
    "consumer-max-per-channel",
    "consumer-timeout",
    "heartbeat",
    "max-message-size",
)
"""Keys of the string that are lines of rabbitmq.conf, there with underscores."""
DISK_LIMIT = "disk-free-limit"
"""Another one, in octets; the file has it by another name."""
UNKNOWN_SETTING = re.compile(r"tried to set (\w+), but there is no setting with that name")
LOG_LINES = 200  # that a failing start may write after it
LOOKS = 8  # at what is unacked, within one consumer timeout: once a minute is RabbitMQ's default
LONGEST_HEARTBEAT = 65535  # seconds, a short
MANAGEMENT = ("rabbitmq_management", "rabbitmq_management_agent", "rabbitmq_web_dispatch")
EXTERNAL = "rabbitmq_auth_mechanism_ssl"
TLS_CONFIGURATION = """\
listeners.ssl.1 = {host}:{port}
ssl_options.cacertfile = {files.ca}
ssl_options.certfile = {files.certificate}
ssl_options.keyfile = {files.key}
ssl_options.verify = {verify}
ssl_options.fail_if_no_peer_cert = {required}
ssl_cert_login_from = {login}
auth_mechanisms.1 = PLAIN
auth_mechanisms.2 = AMQPLAIN
auth_mechanisms.3 = EXTERNAL
"""
MANAGEMENT_CONFIGURATION = """\
management.tcp.ip = {host}
management.tcp.port = {port}
collect_statistics_interval = 500
"""


class RabbitMQ(LocalBroker):
    """One node with RabbitMQ's defaults and the suites' definitions; `plugins` is `management`."""

    kind = "rabbitmq"
    settings = (*LINES, DISK_LIMIT, *certificates.SETTINGS, "plugins", "root")
    capabilities = frozenset(
        {"restart", "kill", "pause", "durable", "vhosts", "users", "admin", "alarm", "ctl", "logs"}
    )

    def __init__(self, rest: str = "") -> None:
        super().__init__(f"{self.kind}:{rest}" if rest else self.kind)
        self._options = options(self.kind, rest, self.settings)
        self._plugins = self._options.get("plugins", "none")
        if self._plugins not in {"none", "management"}:
            raise BrokerError(f"`{self.kind}`: `plugins` can only be `management`")
        _check_heartbeat(self._options.get("heartbeat", "0"))
        certificates.check(self.kind, self._options)
        self._root = ChangeRoot(Path(self._options["root"])) if "root" in self._options else None
        self._env: dict[str, str] = {}
        self._management_port: int | None = None

    @property
    def _configuration(self) -> Mapping[str, str]:
        return {"plugins": "none", **self._options}

    @property
    def installed(self) -> bool:
        """Whether it is this machine's own RabbitMQ, and not one of a change root."""
        return self._root is None

    @property
    def management_port(self) -> int | None:
        """Where its HTTP API listens; None without the plugin."""
        return self._management_port

    def administration(self) -> Administration:
        """By its HTTP API, if it has the plugin, else by `rabbitmqctl`, which sets alarms alone."""
        by_ctl = CtlAdministration(self.ctl)
        if self._management_port is None:
            return by_ctl
        return PluginAdministration(self.endpoint, self._management_port, by_ctl)

    def ctl(self, *words: str) -> str:
        """Run `rabbitmqctl` against the node and give its output; BrokerError if it fails."""
        code, output = self.operate("--quiet", *words)
        if code != 0:
            told = f"`rabbitmqctl {' '.join(words)}` failed ({code}): {output.strip()}"
            raise BrokerError(told)
        return output

    def operate(self, *words: str) -> tuple[int, str]:
        """By `rabbitmqctl`."""
        if self._sandbox is None:
            raise BrokerError(f"{self.spec} has not been started")
        port = str(ports.free_port())  # else ctl listens for the node's answer in 35672 to 35682
        range_ = {"RABBITMQ_CTL_DIST_PORT_MIN": port, "RABBITMQ_CTL_DIST_PORT_MAX": port}
        argv = [str(rabbitmq_home.script("rabbitmqctl", self._root)), *words]
        command = self._placed(Command(argv, {**self._env, **range_}))
        return self._sandbox.attempt(command, CTL_TIMEOUT)

    def _placed(self, command: Command) -> Command:
        """The command, run where the node is."""
        return self._root.command(command) if self._root else command

    def _prepare(self, sandbox: Sandbox, port: int) -> None:
        epmd_port = ports.free_port()
        plugins = MANAGEMENT if self._plugins == "management" else ()
        self._management_port = ports.free_port() if plugins else None
        if "tls" in self._options:
            plugins = (*plugins, EXTERNAL)
            self._tls = TlsPort.on(sandbox.folder, HOST, ports.free_port())
        self._env = _environment(sandbox.folder, self.data_folder, port, epmd_port)
        lean = rabbitmq_home.lean_scripts(sandbox.folder / "home", plugins, self._root)
        if lean is not None:
            self._env["RABBITMQ_SCRIPTS_DIR"] = str(lean)
        _write_files(sandbox.folder, self._settings(sandbox.folder, port), plugins)
        (sandbox.folder / "advanced.config").write_text(self._advanced(), encoding="utf-8")
        epmd = Command(_epmd(epmd_port, self._root), self._env)
        _start_epmd(sandbox, epmd_port, self._placed(epmd))

    def _settings(self, folder: Path, port: int) -> str:
        """The text of rabbitmq.conf."""
        text = CONFIGURATION.format(host=HOST, port=port, folder=folder)
        if self._management_port is not None:
            text += MANAGEMENT_CONFIGURATION.format(host=HOST, port=self._management_port)
        if self._tls is not None:
            text += self._tls_settings(self._tls)
        for key, value in self._options.items():
            if key == DISK_LIMIT:
                text += f"disk_free_limit.absolute = {value}\n"
            elif key in LINES:
                text += f"{key.replace('-', '_')} = {value}\n"
        return text

    def _tls_settings(self, tls: TlsPort) -> str:
        verify = self._options["tls"]
        return TLS_CONFIGURATION.format(
            host=HOST,
            port=tls.endpoint.port,
            files=tls.authority,
            verify="verify_none" if verify == "none" else "verify_peer",
            required="true" if verify == "required" else "false",
            login=self._options.get("tls-login", certificates.LOGINS[0]),
        )

    def _advanced(self) -> str:
        """What rabbitmq.conf has no words for."""
        timeout = self._options.get("consumer-timeout")
        if timeout is None:
            return "[].\n"
        return f"[{{rabbit, [{{channel_tick_interval, {max(1, int(timeout) // LOOKS)}}}]}}].\n"

    def _command(self, folder: Path, port: int) -> Command:
        del folder, port
        server = rabbitmq_home.script("rabbitmq-server", self._root)
        return self._placed(Command([str(server)], self._env))

    def _launch(self, port: int) -> None:
        """As every local broker; Unsupported if this version does not have one of the settings."""
        if self._root:
            self._root.require(self.variables)
        try:
            super()._launch(port)
        except BrokerError as error:
            unknown = UNKNOWN_SETTING.search(self.log_tail(LOG_LINES))
            if unknown is None:
                raise
            raise Unsupported(f"this RabbitMQ has no setting {unknown[1]}") from error
        if self._tls is not None:
            _shake_hands(self._tls.endpoint)

    def _started(self, log: str) -> bool:
        # The listener opens before streams and quorum queues are up.
        return "Server startup complete" in log


def _shake_hands(endpoint: Endpoint) -> None:
    """Have the node load what TLS takes: on a busy machine that outlasts its first handshakes."""
    for _ in range(TLS_TRIES):
        try:
            endpoint.connect(TLS_TIMEOUT).close()
        except (ssl.SSLEOFError, ConnectionError, TimeoutError):
            continue
        except ssl.SSLError:
            pass  # an alert, for want of a certificate
        return


def _environment(folder: Path, data: Path, port: int, epmd_port: int) -> dict[str, str]:
    kept = {name: os.environ[name] for name in KEPT_VARIABLES if name in os.environ}
    return kept | {
        "LC_ALL": "C.UTF-8",
        "HOME": str(folder),
        "RUNNING_UNDER_SYSTEMD": "true",  # the script execs erl, so that our child is the node
        "ERL_EPMD_PORT": str(epmd_port),
        "ERL_EPMD_ADDRESS": HOST,
        "RABBITMQ_NODENAME": f"mqproof-{port}@localhost",
        "RABBITMQ_NODE_IP_ADDRESS": HOST,
        "RABBITMQ_NODE_PORT": str(port),
        "RABBITMQ_DIST_PORT": str(ports.free_port()),
        "RABBITMQ_MNESIA_BASE": str(data),
        "RABBITMQ_LOG_BASE": f"{folder}/log",
        "RABBITMQ_LOGS": "-",  # to the output, beside what a crash prints
        "RABBITMQ_CONFIG_FILE": f"{folder}/rabbitmq.conf",
        "RABBITMQ_ADVANCED_CONFIG_FILE": f"{folder}/advanced.config",
        "RABBITMQ_GENERATED_CONFIG_DIR": f"{folder}/generated",
        "RABBITMQ_CONF_ENV_FILE": f"{folder}/rabbitmq-env.conf",
        "RABBITMQ_ENABLED_PLUGINS_FILE": f"{folder}/enabled_plugins",
        "RABBITMQ_PID_FILE": f"{folder}/rabbitmq.pid",
        "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": f"{LOOPBACK_DISTRIBUTION} -start_epmd false",
        "RABBITMQ_CTL_ERL_ARGS": LOOPBACK_DISTRIBUTION,
    }


class PluginAdministration(HttpAdministration):
    """RabbitMQ's HTTP API, and `rabbitmqctl` for the limits of resources, which the API lacks."""

    def __init__(self, endpoint: Endpoint, port: int, ctl: Administration) -> None:
        super().__init__(endpoint, port)
        self._by_ctl = ctl

    def raise_alarm(self, resource: str) -> None:
        """By `rabbitmqctl`."""
        self._by_ctl.raise_alarm(resource)

    def clear_alarm(self, resource: str) -> None:
        """By `rabbitmqctl`."""
        self._by_ctl.clear_alarm(resource)


def _check_heartbeat(seconds: str) -> None:
    if not seconds.isdecimal() or int(seconds) > LONGEST_HEARTBEAT:
        raise BrokerError(
            f"`rabbitmq`: heartbeat is {seconds!r}: give whole seconds, 0 to {LONGEST_HEARTBEAT}"
        )


def _write_files(folder: Path, configuration: str, plugins: Collection[str]) -> None:
    definitions.write(folder)
    (folder / "rabbitmq.conf").write_text(configuration, encoding="utf-8")
    enabled = ",".join(name for name in (MANAGEMENT[0], EXTERNAL) if name in plugins)
    (folder / "enabled_plugins").write_text(f"[{enabled}].\n", encoding="utf-8")
    (folder / "rabbitmq-env.conf").touch()
    cookie = folder / ".erlang.cookie"
    cookie.write_text(os.urandom(16).hex(), encoding="ascii")
    cookie.chmod(0o400)  # Erlang refuses a cookie that others may read


def _epmd(port: int, root: ChangeRoot | None) -> list[str]:
    binary = "epmd" if root else shutil.which("epmd")
    if binary is None:
        raise BrokerError("epmd is not on PATH: install Erlang, or add its erts `bin` to PATH")
    return [binary, "-address", HOST, "-port", str(port)]


def _start_epmd(sandbox: Sandbox, port: int, command: Command) -> None:
    """Run our own port mapper in the foreground: one that a node starts would outlive it."""
    process = sandbox.spawn(command, "epmd.log")
    deadline = time.monotonic() + EPMD_TIMEOUT
    while not _accepts(port):
        if process.wait(0.01) or time.monotonic() > deadline:
            log = (sandbox.folder / "epmd.log").read_text(encoding="utf-8", errors="replace")
            raise BrokerError(f"epmd does not listen on {HOST}:{port}: {log.strip()}")


def _accepts(port: int) -> bool:
    try:
        with socket.create_connection((HOST, port), timeout=EPMD_TIMEOUT):
            return True
    except OSError:
        return False


KIND = Kind(
    RabbitMQ.kind,
    "rabbitmq[:KEY=VALUE,...]",
    f"a private node of the installed RabbitMQ; keys: {', '.join(RabbitMQ.settings)}",
    RabbitMQ,
)
