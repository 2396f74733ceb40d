"""The files of the page, as they are served: plain ones, that ask nothing of any other address."""

from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

_FOLDER = Path(__file__).parent / "page"
_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


@dataclass(frozen=True, slots=True)
class File:
    """One file."""

    octets: bytes
    type: str

    @property
    def tag(self) -> str:
        """What changes with the content."""
        return f'"{sha256(self.octets).hexdigest()[:16]}"'

    @property
    def headers(self) -> dict[str, str]:
        """How browsers are to treat it: as it is, always as new, and nothing from elsewhere."""
        return {
            "Content-Type": self.type,
            "ETag": self.tag,
            "Cache-Control": "no-cache",
            "Content-Security-Policy": _POLICY,
            "Referrer-Policy": "no-referrer",
            "X-Content-Type-Options": "nosniff",
        }


def load() -> dict[str, File]:
    """Each file by its address; `/` is the page itself."""
    found = {path.relative_to(_FOLDER).as_posix(): path for path in sorted(_FOLDER.rglob("*.*"))}
    files = {f"/page/{name}": _read(path) for name, path in found.items()}
    return {"/": files.pop("/page/index.html"), **files}


def _read(path: Path) -> File:
    return File(path.read_bytes(), _TYPES[path.suffix])
