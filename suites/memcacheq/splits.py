"""The ways in which octets may be cut into writes."""

import random


def ways(size: int, seeds: int = 5) -> dict[str, list[int]]:
    """Sizes of writes by name: all at once, octet by octet, and at random, each seed its own."""
    found = {"whole": [size], "octets": [1] * size}
    for seed in range(seeds):
        chance = random.Random(seed)  # noqa: S311  to be repeated, not to be secret
        sizes: list[int] = []
        while sum(sizes) < size:
            sizes.append(chance.randint(1, max(1, size // 10)))
        found[f"seed {seed}"] = sizes
    return found
