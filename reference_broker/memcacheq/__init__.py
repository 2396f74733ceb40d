"""The text protocols of memcacheq and memcached onto this broker.

memcacheq: `set` appends to a queue and `get` takes from it, the same durable queues that AMQP
clients use; `mapping` says how flags and properties correspond, `names` how names do. `get` is at
most once: the removal is committed before the reply goes out. A waiting read (`q/t=250`) creates
its queue if there is none, and counts as a consumer of it while it waits.

memcached: a persistent key-value store of its own, beside the queues.
"""
