"""What one test costs with each stand-in for RabbitMQ: `nox -s standins`.

The same test everywhere: connect, declare a queue, publish a message, take it.
"""
