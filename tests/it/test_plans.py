"""Plans are made when tables are empty and are used beside a backlog: each statement must find its rows by an index.

What statements look at, PostgreSQL counts.
"""

from support.api import message, post_many
from support.wait import until

BACKLOG = 20000
MESSAGES = 200


def rows_looked_at(db, table):
    return db.value("SELECT seq_tup_read + idx_tup_fetch FROM pg_stat_user_tables WHERE relname = %s", table)


def test_a_message_costs_the_same_beside_a_backlog(new_pipeline):
    pipeline = new_pipeline("sandbox")
    db = pipeline.db
    db.execute("VACUUM ANALYZE outbound_message")
    db.execute("VACUUM ANALYZE outbound_outbox")
    pipeline.start_all("producer", "router", "sender")
    pipeline.sandbox.fault("status", status=500, match="again", times=1)
    pipeline.wait_for(pipeline.api.accept(message(to="again@example.com")), "SENT")  # each statement has its plan now

    db.execute(
        "SET LOCAL outbound.role = 'on';"  # what a person inserts is announced at once
        " INSERT INTO outbound_message (id, org_id, dossier_id, channel, to_recipient, template_code, payload_json,"
        "  max_attempts, correlation_id)"
        " SELECT gen_random_uuid(), 'default', 1, 'EMAIL', 'a@example.com', 't', '{}', 5, 'a backlog'"
        f" FROM generate_series(1, {BACKLOG})"
    )
    db.execute(
        "INSERT INTO outbound_outbox (message_id, topic, fence, due_at)"
        " SELECT id, 'outbound.accepted', 0, now() + interval '1 day' FROM outbound_message WHERE status = 'QUEUED'"
    )
    tables = ("outbound_message", "outbound_outbox")
    before = [rows_looked_at(db, table) for table in tables]
    named = pipeline.start("sender", label="named", OUTBOUND_INSTANCE_ID="it-plans", OUTBOUND_METRICS_PORT=0)
    pipeline.wait_until_assigned(named)  # it has looked for what the one before it held
    post_many([message() for _ in range(MESSAGES)])
    until(lambda: pipeline.sandbox.stats()["accepted"] == MESSAGES + 1, "all are sent beside the backlog")
    for name in ("producer", "router", "sender", "named"):
        assert pipeline.role(name).terminate() == 0  # a connection that ends has told all its figures
    for table, count in zip(tables, before):
        looked_at = rows_looked_at(db, table) - count
        assert MESSAGES <= looked_at < BACKLOG / 2, f"{table}: {looked_at} rows for {MESSAGES} messages"
