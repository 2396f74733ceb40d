"""The tables of a data directory.

One SQLite file. `application_id` marks it as ours, `user_version` is the version of the format; a
file with another of either is refused. Arguments are encoded field tables, messages the octets of
their frames, times seconds since 1970 (0 for never), settings JSON.

A message's place is the number of its queue and its position there in one whole number: by it
SQLite finds and appends a row with less work than by two columns, and fills its pages.
"""

APPLICATION_ID = 0x6D717066  # "mqpf"
VERSION = 4
NEVER = 0.0

_POSITION = 42  # bits: what one queue takes in half a year of 250,000 messages a second
MAX_QUEUES = 2 ** (63 - _POSITION) - 1  # at once; SQLite's whole numbers have 63 bits and a sign

TABLES = """
create table vhosts (name text primary key, settings text not null) without rowid;
create table users (
  name text primary key, password_hash text not null, tags text not null, settings text not null
) without rowid;
create table permissions (
  user text, vhost text, configure text not null, write text not null, read text not null,
  primary key (user, vhost)
) without rowid;
create table exchanges (
  vhost text, name text, type text not null, auto_delete int not null, internal int not null,
  arguments blob not null, primary key (vhost, name)
) without rowid;
create table queues (
  number integer primary key, vhost text not null, name text not null, auto_delete int not null,
  arguments blob not null, head int not null default 0, unique (vhost, name)
);
create table bindings (
  vhost text, source text, destination text, to_queue int, routing_key text, arguments blob,
  primary key (vhost, source, destination, to_queue, routing_key, arguments)
) without rowid;
create table messages (
  place integer primary key, exchange text not null, routing_key text not null,
  frames blob not null, expires real not null, deliveries int not null default 0
);
create table items (
  key blob primary key, flags int not null, expires real not null, value blob not null
) without rowid;
"""


def place(queue: int, position: int) -> int:
    """Where a message stands among all, by its queue's number and its position there."""
    return queue << _POSITION | position


def queue_and_position(place: int) -> tuple[int, int]:
    """The reverse."""
    return place >> _POSITION, place & (1 << _POSITION) - 1
