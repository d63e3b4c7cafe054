"""How events cross: codec, streams, consumer groups, publisher, outbox relay, embedded broker."""
