"""Faults that know AMQP frames: `when("basic.ack", nth=3).drop()`."""

from .when import FrameFault, When, when

__all__ = ["FrameFault", "When", "when"]
