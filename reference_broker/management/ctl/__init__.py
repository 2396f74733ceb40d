"""`python -m reference_broker ctl`: RabbitMQ's command line for this broker, over its API.

The words and the forms of output are rabbitmqctl's, so that scripts and habits carry over; a suite
holds both beside each other. Nothing here but the standard library: see `main.main`.
"""
