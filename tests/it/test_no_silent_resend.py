"""libcurl repeats a POST by itself when a kept connection ends before the answer. Here it must not.

The provider may have accepted the message, so a repetition is a second delivery that nobody knows of. One attempt is
one request, and its end is UNKNOWN.
"""

import pytest

from support.api import message
from support.provider import ACCEPTED, Provider, close, reset


@pytest.mark.parametrize("end", [close, reset], ids=["closed", "reset"])
def test_a_kept_connection_that_ends_after_the_request(new_pipeline, end):
    def react(request):
        """Accepts everything, but every second request on a connection gets no answer."""
        return end if request.on_connection == 2 else ACCEPTED

    provider = Provider(react)
    pipeline = new_pipeline("producer", "router", SENDGRID_BASE_URL=provider.url)
    pipeline.start("sender")
    pipeline.wait_for(pipeline.api.accept(), "SENT")

    message_id = pipeline.api.accept()
    state = pipeline.wait_for(message_id, "SENT")
    requests = provider.requests_of(message_id)
    assert requests[0].on_connection == 2, "the connection was not kept: nothing is shown"
    assert [request.attempt for request in requests] == [1, 2]
    assert [(attempt["outcome"], attempt["errorCode"]) for attempt in state["attempts"]] == [
        ("UNKNOWN", "CONNECTION_LOST"),
        ("SENT", None),
    ]
    provider.close()


def test_many_kept_connections_reset_after_the_body(new_pipeline):
    """The same under load: requests that reached the sandbox, and attempts that were made, are equally many."""
    pipeline = new_pipeline(
        "sandbox", "producer", "router", "sender", OUTBOUND_MAX_ATTEMPTS=100, OUTBOUND_RETRY_DELAYS="10ms"
    )
    first = [pipeline.api.accept() for _ in range(60)]
    pipeline.wait_until_finished(len(first))

    # Not each of them: a connection has to survive to be used again.
    pipeline.sandbox.fault("reset", at="after", match="lost", probability=0.4)
    ids = first + [
        pipeline.api.accept(message(to=f"{'lost' if n % 2 else 'fine'}-{n}@example.com")) for n in range(200)
    ]
    pipeline.wait_until_finished(len(ids))

    attempts = [row for rows in pipeline.attempts().values() for row in rows.values()]
    lost = [row for row in attempts if row["outcome"] == "UNKNOWN"]
    assert len(lost) > 10
    assert {row["error_code"] for row in lost} == {"CONNECTION_LOST"}
    assert pipeline.sandbox.stats()["requests"] == len(attempts)
    pipeline.assert_no_unexplained_duplicate(ids)
