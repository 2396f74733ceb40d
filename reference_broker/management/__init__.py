"""RabbitMQ's management HTTP API for what this broker has, and the command line that speaks to it.

`views` says what each address answers, as plain functions from a Call to an Answer; `http` serves
them with aiohttp, which is imported only when the API is asked for; `ctl` is a client of it.
See https://www.rabbitmq.com/docs/management and https://www.rabbitmq.com/docs/http-api-reference.
"""
