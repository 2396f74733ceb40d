"""The suites of memcached's text protocol: queues (memcacheq) and key-value (memcached)."""
