"""The database as the tests see it. A connection that broke is made anew: some tests stop the server."""

import psycopg2
import psycopg2.extras

from support import environment

TABLES = (
    "outbound_message",
    "outbound_attempt",
    "outbound_outbox",
    "outbound_event_outbox",
    "outbound_message_archive",
    "outbound_dead_letter",
    "whatsapp_rate_limit",
    "outbound_tally",
    "outbound_deletion",
)


class Database:
    def __init__(self, url=None):
        self.url = url or environment.DATABASE_URL
        self._connection = None

    def close(self):
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _cursor(self):
        if self._connection is None or self._connection.closed:
            self._connection = psycopg2.connect(self.url, cursor_factory=psycopg2.extras.RealDictCursor)
            self._connection.autocommit = True
        return self._connection.cursor()

    def rows(self, sql, *values):
        """Rows as dicts."""
        kept = self._connection is not None
        try:
            return self._run(sql, values)
        except (psycopg2.OperationalError, psycopg2.InterfaceError):
            self.close()
            if not kept:
                raise
        return self._run(sql, values)

    def _run(self, sql, values):
        with self._cursor() as cursor:
            cursor.execute(sql, values or None)
            return [dict(row) for row in cursor.fetchall()] if cursor.description else []

    def value(self, sql, *values):
        return next(iter(self.rows(sql, *values)[0].values()))

    def execute(self, sql, *values):
        self.rows(sql, *values)

    def truncate(self):
        self.execute("TRUNCATE " + ", ".join(TABLES))
        # The Kafka that is seen next is the first one: some tests make its topics anew.
        self.execute("UPDATE outbound_kafka SET cluster_id = NULL, ends = '{}', lost = '{}', walk_status = NULL")

    def message(self, message_id):
        return self.rows("SELECT * FROM outbound_message WHERE id = %s", message_id)[0]

    def attempts(self, message_id):
        return self.rows(
            "SELECT * FROM outbound_attempt WHERE outbound_message_id = %s ORDER BY attempt_no", message_id
        )

    def statuses(self):
        """How many messages are in which status: {"SENT": 3}."""
        return {
            row["status"]: row["count"] for row in self.rows("SELECT status, count(*) FROM outbound_message GROUP BY 1")
        }

    def count(self, status=None):
        return self.statuses().get(status, 0) if status else sum(self.statuses().values())

    def unfinished(self):
        """Messages on which work remains to be done."""
        return self.value("SELECT count(*) FROM outbound_message WHERE status IN ('QUEUED', 'SENDING')")

    def outbox(self):
        """Rows that announce something to the roles."""
        return self.value("SELECT count(*) FROM outbound_outbox")

    def events(self):
        """Status events that are not published yet."""
        return self.value("SELECT coalesce(sum(count), 0) FROM outbound_event_outbox")
