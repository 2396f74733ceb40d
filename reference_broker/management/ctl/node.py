"""Commands on the broker as a whole."""

import json
import re
from pathlib import Path
from typing import Any

from .api import DATA, SOFTWARE, CtlError
from .command import COMMANDS, Task, command

_UNITS: dict[str, int] = {
    "": 1,
    **{unit: 1000**power for power, unit in enumerate(("kB", "MB", "GB", "TB"), 1)},
    **{unit: 1024**power for power, unit in enumerate(("k", "M", "G", "T"), 1)},
    **{unit: 1024**power for power, unit in enumerate(("kiB", "MiB", "GiB", "TiB"), 1)},
}
_SIZE = re.compile(r"(\d+)\s*([A-Za-z]*)")
_GIGA = 1_000_000_000


@command("status")
def status(task: Task) -> None:
    """What the broker is and how it is."""
    overview, [node] = task.api.get("overview"), task.api.get("nodes")
    task.output.banner(f"Status of node {node['name']} ...")
    task.output.report(_sections(overview, node, len(task.api.get("vhosts"))))


def _sections(overview: Any, node: Any, vhosts: int) -> dict[str, dict[str, Any]]:
    alarms = {name: node[f"{name}_alarm"] for name in ("mem", "disk_free")}
    names = {"mem": "Memory alarm", "disk_free": "Free disk space alarm"}
    on = {name: f"{names[name]} on node {node['name']}" for name, is_on in alarms.items() if is_on}
    totals = overview["object_totals"]
    return {
        "Runtime": {
            "OS PID": node["os_pid"],
            "Uptime (seconds)": node["uptime"] // 1000,
            "RabbitMQ version": overview["rabbitmq_version"],
            "Product": f"{overview['product_name']} {overview['product_version']}",
            "Node name": node["name"],
        },
        "Alarms": {"": "; ".join(on.values()) or "(none)"},
        "Memory": {
            "Total memory used": _gigabytes(node["mem_used"]),
            "Memory high watermark setting": _gigabytes(node["mem_limit"]),
        },
        "Free Disk Space": {
            "Low free disk space watermark": _gigabytes(node["disk_free_limit"]),
            "Free disk space": _gigabytes(node["disk_free"]),
        },
        "Totals": {
            "Connection count": totals["connections"],
            "Queue count": totals["queues"],
            "Virtual host count": vhosts,
        },
        "Listeners": {
            f"Interface: {at['ip_address']}, port: {at['port']}, protocol": at["protocol"]
            for at in overview["listeners"]
        },
    }


def _gigabytes(octets: int | None) -> str:
    return "none" if octets is None else f"{octets / _GIGA:.4f} gb"


@command("set_vm_memory_high_watermark <fraction> | absolute <value>", 1, 2)
def set_vm_memory_high_watermark(task: Task) -> None:
    """How large the broker may become before publishers wait."""
    kind, *value = task.arguments
    absolute = kind == "absolute" and bool(value)
    wanted: Any = {"absolute": _octets(task, value[0])} if absolute else _fraction(task, kind)
    shown = f"{value[0]} bytes" if absolute else kind
    task.output.banner(f"Setting memory threshold on {_name(task)} to {shown} ...")
    body = {"vm_memory_high_watermark": wanted}
    task.api.call("PUT", "nodes", "local", "limits", body=body)


@command("set_disk_free_limit <disk_limit>", 1)
def set_disk_free_limit(task: Task) -> None:
    """How little room the data directory may have before publishers wait."""
    [value] = task.arguments
    octets = _octets(task, value)
    task.output.banner(f"Setting disk free limit on {_name(task)} to {value} bytes ...")
    task.api.call("PUT", "nodes", "local", "limits", body={"disk_free_limit": octets})


def _name(task: Task) -> str:
    return str(task.api.get("cluster-name")["name"])


def _fraction(task: Task, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 1:
        raise _bad(task)
    return value


def _octets(task: Task, text: str) -> int:
    found = _SIZE.fullmatch(text)
    unit = _UNITS.get(found[2]) if found else None
    if found is None or unit is None:
        raise _bad(task)
    return int(found[1]) * unit


def _bad(task: Task) -> CtlError:
    error = COMMANDS[task.words.command].misused("Bad argument.", task.words)
    return CtlError(error.text, DATA)


@command("export_definitions <file_path>", 1)
def export_definitions(task: Task) -> None:
    """Everything but messages, as JSON; `-` is standard output."""
    [path] = task.arguments
    text = json.dumps(task.api.get("definitions"), indent=2)
    if path == "-":
        task.output.line(text)
        return
    task.output.banner(f'Exporting definitions in JSON to a file at "{path}" ...')
    try:
        Path(path).write_text(text + "\n", encoding="utf-8")
    except OSError as cause:
        raise CtlError(f"cannot write {path}: {cause.strerror}", SOFTWARE) from cause


@command("import_definitions <file_path>", 1)
def import_definitions(task: Task) -> None:
    """Add what a file defines."""
    [path] = task.arguments
    task.output.banner(f'Importing definitions in JSON from a file at "{path}" ...')
    try:
        definitions = json.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as cause:
        raise CtlError(f"cannot read {path}: {cause.strerror}", SOFTWARE) from cause
    except ValueError as cause:
        raise CtlError(f"{path} is not JSON: {cause}", DATA) from cause
    task.api.call("POST", "definitions", body=definitions)
