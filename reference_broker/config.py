"""What a broker can be told, every default with its reason."""

from dataclasses import dataclass
from pathlib import Path

from .semantics import RABBITMQ, Semantics


@dataclass(frozen=True, slots=True)
class Config:
    """Settings of one server."""

    host: str = "127.0.0.1"  # nobody outside this machine, unless asked for
    port: int = 5672  # AMQP's registered port; 0 picks a free one
    tls_port: int | None = None  # no AMQP over TLS; 0 picks a free one
    tls_certificate: Path | None = None  # its PEM file, with the chain; needed by tls_port
    tls_key: Path | None = None  # in the file of the certificate
    tls_ca: Path | None = None  # PEM file of those whose clients are trusted
    tls_verify: str = "none"  # clients need no certificate; optional and required ask for one
    tls_login: str = "distinguished_name"  # part that names the user; as RabbitMQ
    data_dir: Path | None = None  # memory only
    definitions: Path | None = None  # guest and the vhost / alone
    heartbeat: int = 60  # seconds; RabbitMQ's default
    frame_max: int = 131072  # octets; RabbitMQ's default
    channel_max: int = 2047  # RabbitMQ's default
    channel_max_per_node: int = 0  # of all connections; no limit, as RabbitMQ
    consumer_max_per_channel: int = 0  # no limit, as RabbitMQ
    consumer_timeout: int = 1_800_000  # milliseconds until an ack is overdue; RabbitMQ's default
    max_message_size: int = 134_217_728  # octets of body; RabbitMQ 3.10's default
    memory_limit: int | None = None  # octets of resident memory; no alarm
    disk_free_limit: int | None = None  # octets left for the data directory; no alarm
    handshake_timeout: float = 10.0  # seconds from connect to open; RabbitMQ's default
    close_timeout: float = 30.0  # seconds to wait for Close-Ok, as RabbitMQ does
    event_loop: str = "eager"  # of `serve`; an embedded broker shares its process with its clients
    password_hashing: str = "sha256"  # what RabbitMQ can import; scrypt is better kept
    semantics: Semantics = RABBITMQ  # what applications meet
    log_level: str = "warning"
    management_port: int | None = None  # no HTTP API; 0 picks a free one
    memcacheq_port: int | None = None  # AMQP alone; 0 picks a free one
    memcacheq_profile: str = "standard"  # what clients of memcached expect
    memcacheq_item_size: int | None = None  # octets; None for the profile's own
    memcacheq_nosync: bool = False  # STORED means stored
    memcacheq_reliable: bool = True  # read options in the key of a get; standard profile only
    memcached_port: int | None = None  # AMQP alone; 0 picks a free one
