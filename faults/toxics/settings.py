"""Checks of the numbers that faults are made with."""


def at_least(least: float, **settings: float) -> None:
    """Raise ValueError naming the first setting below `least`."""
    for name, value in settings.items():
        if value < least:
            raise ValueError(f"{name} is {value:g}: give {least:g} or more")


def above_zero(**settings: float) -> None:
    """Raise ValueError naming the first setting that is not positive."""
    for name, value in settings.items():
        if value <= 0:
            raise ValueError(f"{name} is {value:g}: give more than 0")
