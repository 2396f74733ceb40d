"""A real AMQP 0-9-1 broker with RabbitMQ's semantics, in plain Python."""
