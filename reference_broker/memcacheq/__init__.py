"""The memcached text protocol onto the same queues."""
