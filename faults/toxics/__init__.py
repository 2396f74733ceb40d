"""What can be done to a link, one small class each."""

from .bandwidth import Bandwidth
from .blackhole import Blackhole, OneWayLoss
from .cut_after import CutAfter
from .fin import Fin
from .freeze import Freeze
from .half_close import HalfClose
from .latency import Latency
from .mute import Mute
from .refuse import Refuse
from .reset import Reset
from .slicer import Slicer
from .slow_close import SlowClose

__all__ = [
    "Bandwidth",
    "Blackhole",
    "CutAfter",
    "Fin",
    "Freeze",
    "HalfClose",
    "Latency",
    "Mute",
    "OneWayLoss",
    "Refuse",
    "Reset",
    "Slicer",
    "SlowClose",
]
