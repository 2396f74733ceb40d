"""How a memcacheq front end behaves."""

from dataclasses import dataclass

PROFILES = ("standard", "strict")
ITEM_SIZES = {"standard": 1024 * 1024, "strict": 1024}  # octets; the latter the real server's -B


@dataclass(frozen=True, slots=True)
class Settings:
    """The choices of a front end.

    `item_size` limits what `set` takes, counted as the real server does (`grammar.item_size`).
    """

    strict: bool = False
    item_size: int = ITEM_SIZES["standard"]
    reliable: bool = True  # read options in the key of a get
