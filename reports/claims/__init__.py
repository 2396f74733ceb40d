"""What RabbitMQ claims of each rule of the specification, beside what brokers were seen to do."""

from .model import Claims, compare, read_rules

__all__ = ["Claims", "compare", "read_rules"]
