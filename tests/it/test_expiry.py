"""A message may be limited in age, by its caller or for all; what is too old when its turn comes is not sent."""

import datetime
import time

from support import metrics
from support.api import message
from support.wait import until


def seconds_between(earlier, later):
    parsed = [datetime.datetime.fromisoformat(text.replace("Z", "+00:00")) for text in (earlier, later)]
    return (parsed[1] - parsed[0]).total_seconds()


def test_a_message_can_become_too_old(new_pipeline):
    pipeline = new_pipeline("sandbox", "producer", "router", OUTBOUND_MESSAGE_MAX_AGE_MS=1000)
    later = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(hours=1)
    ids = [pipeline.api.accept(), pipeline.api.accept(message(expiresAt=later.isoformat()))]
    for message_id in ids:
        state = pipeline.api.state(message_id)
        assert 0.9 < seconds_between(state["createdAt"], state["expiresAt"]) <= 1.0
    time.sleep(1.1)
    sender = pipeline.start("sender")
    for message_id in ids:
        assert pipeline.wait_for(message_id, "EXPIRED")["attempts"] == []
    given_up = "outbound_message_dead_letter_total"
    until(lambda: metrics.value("email", given_up, channel="email") == len(ids), "they are counted as given up")
    sender.wait_until_says("EXPIRED: its time was over", len(ids))
    assert all(sender.says(f"[messageId={message_id}]") for message_id in ids)
