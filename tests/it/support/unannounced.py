"""A message that is in PostgreSQL alone: no outbox row, no record, until a test makes one.

The session is a role's: what a person inserts is announced (test_runbook_sql.py).
"""


def insert_message(db, message_id):
    db.execute(
        "SET LOCAL outbound.role = 'on';"
        " INSERT INTO outbound_message (id, org_id, dossier_id, channel, to_recipient, template_code, subject,"
        "  payload_json, max_attempts, correlation_id)"
        " VALUES (%s, 'default', 1, 'EMAIL', 'a@example.com', 't', 's', '{}', 5, 'by hand')",
        message_id,
    )
