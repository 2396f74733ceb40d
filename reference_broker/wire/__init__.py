"""Pure bytes: the tables of AMQP 0-9-1, its codecs and its frames. No socket, no clock."""
