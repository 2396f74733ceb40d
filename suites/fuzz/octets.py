"""Files of octets: a line that says what they are, then each write in hexadecimal."""

from pathlib import Path

_WIDTH = 48  # octets a line; a write that goes on in the next one ends in a backslash


def read(path: Path) -> tuple[str, list[bytes]]:
    """What the file says of itself, and the writes."""
    title, *lines = path.read_text(encoding="ascii").splitlines()
    joined = "\n".join(lines).replace("\\\n", "")
    return title.removeprefix("# "), [bytes.fromhex(line) for line in joined.split("\n") if line]


def write(path: Path, title: str, writes: list[bytes]) -> None:
    """Write such a file."""
    text = f"# {title.encode('ascii', 'backslashreplace').decode()}\n"
    path.write_text(text + "".join(f"{_lines(data)}\n" for data in writes if data), "ascii")


def _lines(data: bytes) -> str:
    parts = [data[start : start + _WIDTH].hex() for start in range(0, len(data), _WIDTH)]
    return "\\\n".join(parts)
