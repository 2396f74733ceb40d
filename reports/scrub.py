"""Keeps what belongs to one machine or one person out of a record that is published."""

import re
import socket
import sys
import sysconfig
import tempfile
from functools import cache
from pathlib import Path

_URL_PASSWORD = re.compile(r"(\w://[^\s/:@]*):[^\s/]*@")
_AUTHORIZATION = re.compile(
    r"(?i)\b(authorization['\"]?\s*[:=]\s*['\"]?(?:basic|bearer)\s+)[\w+/=.~-]+"
)
_HOME = re.compile(
    r"(?<![\w.~-])(?:/(?:home|Users)/[^/\s'\":]+|/root(?=/)|[A-Z]:\\Users\\[^\\\s]+)"
)
_SHARED_PREFIXES = {"/", "/usr", "/usr/local", "/opt"}


@cache
def _machine() -> list[tuple[re.Pattern[str], str]]:
    """Give this machine's own paths and names with what stands for each, the longest first."""
    roots = {
        str(Path.cwd()): ".",
        str(Path.home()): "~",
        tempfile.gettempdir(): "<tmp>",
        sysconfig.get_path("purelib"): "<site-packages>",
        sysconfig.get_path("stdlib"): "<python>",
        sys.prefix: "<python>",
    }
    paths = sorted((p for p in roots if p not in _SHARED_PREFIXES), key=len, reverse=True)
    patterns = [(re.compile(rf"(?<![\w.~-]){re.escape(p)}(?![\w.-])"), roots[p]) for p in paths]
    # A bare host name may be any word; behind an @ it is the host part of a node's name.
    host = re.escape(socket.gethostname().split(".")[0] or "localhost")
    patterns.append((re.compile(rf"(?<=@){host}(?:\.[\w-]+)*(?![\w-])"), "localhost"))
    return patterns


def scrub(text: str) -> str:
    """Mask passwords, machine paths and this host's name, and replace lone surrogates."""
    text = text.encode("utf-8", "backslashreplace").decode()
    text = _URL_PASSWORD.sub(r"\1:***@", text)
    text = _AUTHORIZATION.sub(r"\1***", text)
    for pattern, stand_in in _machine():
        text = pattern.sub(stand_in, text)
    return _HOME.sub("~", text)
