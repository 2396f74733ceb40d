"""Experiments that answer what users really ask; `reports.answers` makes the pages.

nox -s answers -- --broker reference --broker rabbitmq
"""
