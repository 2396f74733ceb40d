"""The asyncio glue: transports, timers, start and stop."""
