"""PostgreSQL held still, for tests that look at what waits for it."""

import contextlib

import psycopg2

from support import environment


@contextlib.contextmanager
def no_change_of_messages():
    """Nobody can insert or update a message. What tries waits until this is over."""
    connection = psycopg2.connect(environment.DATABASE_URL)
    try:
        connection.cursor().execute("LOCK TABLE outbound_message IN EXCLUSIVE MODE")
        yield
    finally:
        connection.close()


def somebody_waits(db):
    return db.value("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'") > 0
