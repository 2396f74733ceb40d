"""The tables of a data directory.

One SQLite file. `application_id` marks it as ours, `user_version` is the version of the format; a
file with another of either is refused. Arguments are encoded field tables, messages the octets of
their frames, times seconds since 1970, settings JSON.
"""

APPLICATION_ID = 0x6D717066  # "mqpf"
VERSION = 3

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
  queue int, position int, exchange text not null, routing_key text not null, frames blob not null,
  expires real, deliveries int not null default 0, primary key (queue, position)
) without rowid;
create table items (
  key blob primary key, flags int not null, expires real not null, value blob not null
) without rowid;
"""
