"""What a broker means: exchanges, queues, consumers, messages. Knows no frames and no clock."""
