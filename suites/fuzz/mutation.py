"""Changes to octets that know nothing of what these mean."""

from random import Random

_NUMBERS = tuple(
    number.to_bytes(size, "big")
    for size in (1, 2, 4, 8)
    for number in (0, 1, 2 ** (8 * size - 1) - 1, 2 ** (8 * size - 1), 2 ** (8 * size) - 1)
)


def mutate(rng: Random, data: bytes) -> bytes:
    """The octets with one to four changes."""
    octets = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 4))):
        _change(rng, octets)
    return bytes(octets)


def _change(rng: Random, octets: bytearray) -> None:
    size = len(octets)
    place = rng.randrange(size) if size else 0
    end = min(size, place + rng.choice((1, 2, 8, 60)))
    form = rng.randrange(7)
    if form == 0 and size:
        octets[place] ^= 1 << rng.randrange(8)
    elif form == 1:
        number = rng.choice(_NUMBERS)
        octets[place : place + len(number)] = number
    elif form == 2:
        del octets[place:end]
    elif form == 3:
        octets[place:place] = rng.randbytes(rng.randrange(1, 9))
    elif form == 4:
        octets[place:place] = octets[place:end]
    elif form == 5:
        other = rng.randrange(size) if size else 0
        octets[other:other] = octets[place:end]
    else:
        del octets[max(place, size - rng.randrange(1, 200)) :]
