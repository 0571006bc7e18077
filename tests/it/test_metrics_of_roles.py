"""Every role shows what it does at /metrics, in a form that promtool finds nothing wrong with."""

import socket
import time

import pytest
import requests

from support import environment
from support.metrics import PORTS, complaints, scrape, url, value
from support.wait import until

RUNNING = ("producer", "exporter", "router", "dlq", "email")


@pytest.fixture(scope="module")
def pipeline(module_pipeline):
    running = module_pipeline("sandbox", "producer", "router", "sender", "dlq", "exporter")
    ids = [running.api.accept() for _ in range(3)]
    for one in ids:
        running.wait_for(one, "SENT")
    running.delivered_at = time.time()
    return running


@pytest.mark.parametrize("role", RUNNING)
def test_promtool_is_content(pipeline, role):
    assert complaints(role) == ""


@pytest.mark.parametrize("role", RUNNING)
def test_what_every_role_has(pipeline, role):
    samples, _ = scrape(role)
    names = {name for name, _ in samples}
    assert {"process_cpu_seconds_total", "process_resident_memory_bytes", "process_open_fds"} <= names
    (info,) = (dict(pairs) for name, pairs in samples if name == "outbound_build_info")
    assert info["role"] == ("sender" if role == "email" else role)
    assert info["environment"] == "development"
    assert value(role, "process_resident_memory_bytes") > 1_000_000
    assert 0 < value(role, "process_start_time_seconds") < pipeline.delivered_at, "it started before it was asked"
    assert 3 < value(role, "process_open_fds") < value(role, "process_max_fds")


def test_way_of_a_message_in_numbers(pipeline):
    def counts():
        return {
            "sent by the provider": value("email", "outbound_message_send_success_total", channel="email"),
            "latency": value("email", "outbound_message_delivery_latency_seconds_count", channel="email"),
            "to the router": value("producer", "messaging_client_sent_messages_total",
                                   messaging_destination_name="outbound.accepted"),
            "taken by the router": value("router", "messaging_client_consumed_messages_total",
                                         messaging_consumer_group_name="outbound-router",
                                         messaging_destination_name="outbound.accepted"),
            "to the channel": value("router", "messaging_client_sent_messages_total",
                                    messaging_destination_name="outbound.send.email"),
            "taken by the sender": value("email", "messaging_client_consumed_messages_total",
                                         messaging_destination_name="outbound.send.email"),
        }

    before = counts()
    for one in [pipeline.api.accept() for _ in range(5)]:
        pipeline.wait_for(one, "SENT")
    wanted = {name: number + 5 for name, number in before.items()}
    until(lambda: counts() == wanted, f"all counts went up by 5, from {before}")


def test_statements_are_timed(pipeline):
    for role, operation, table in (("producer", "INSERT", "outbound_message"), ("email", "UPDATE", "outbound_message"),
                                   ("producer", "DELETE", "outbound_outbox")):
        until(lambda: value(role, "db_query_duration_seconds_count", operation=operation, table=table) > 0,
              f"{role} has timed {operation} {table}")
        assert 0 < value(role, "db_query_duration_seconds_sum", operation=operation, table=table) < 60


def test_connections_are_counted(pipeline):
    until(lambda: value("email", "db_connection_pool_size") == 2, "the sender has its two connections")


def test_failures_start_at_zero(pipeline):
    samples, _ = scrape("email")
    series = {dict(pairs)["error_code"]: number for (name, pairs), number in samples.items()
              if name == "outbound_message_send_failure_total"}
    assert {"INVALID_EMAIL", "TEMPORARY_ERROR", "RATE_LIMIT_EXCEEDED"} <= set(series)


def test_other_paths_and_methods(pipeline):
    assert requests.get(url("router", "/health/live"), timeout=5).json() == {"status": "UP"}
    assert requests.get(url("router", "/"), timeout=5).status_code == 404
    assert requests.post(url("router"), timeout=5).status_code == 405
    assert requests.head(url("router"), timeout=5).status_code == 200


def test_port_that_is_taken_does_not_stop_delivery(pipeline):
    """The second router on this machine says so and works; without a port nothing is said."""
    second = pipeline.start("router", label="router-2")
    second.wait_until_says("no metrics are served, see OUTBOUND_METRICS_PORT")
    third = pipeline.start("router", label="router-3", OUTBOUND_METRICS_PORT=0)
    assert "metrics" not in third.log_path.read_text()
    second.terminate()
    third.terminate()
    with pytest.raises(OSError), socket.create_server(("127.0.0.1", environment.METRICS_PORT + PORTS["router"])):
        pass  # still the first one's
