"""How long things take: requests, statements, providers, and what the pipeline does at once."""

from grafana import dashboard, graph, query, row, steps
from messaging import LATENCY


def quantile(quantile, metric, by="", selector="ENV"):
    return f"histogram_quantile({quantile}, sum by (le{by}) (rate({metric}_bucket{{{selector}}}[$__rate_interval])))"


def percentiles(metric, selector="ENV"):
    return [query(quantile(value, metric, selector=selector), f"p{value[2:]}") for value in ("0.50", "0.95", "0.99")]


def mean(metric, by):
    return (
        f"sum by ({by}) (rate({metric}_sum{{ENV}}[$__rate_interval]))"
        f" / (sum by ({by}) (rate({metric}_count{{ENV}}[$__rate_interval])) > 0)"
    )


HTTP = "http_request_duration_seconds"
DATABASE = "db_query_duration_seconds"
PROVIDER = "outbound_provider_request_duration_seconds"
BATCH = "outbound_ingest_batch_messages"

PANELS = [
    row("Requests"),
    graph(
        "Response Time",
        "All endpoints. The line is the threshold of SlowResponseTime for p95.",
        *percentiles(HTTP),
        unit="s",
        steps=steps(2),
        width=8,
    ),
    graph(
        "Response Time P95 by Endpoint",
        "Which request is slow.",
        query(quantile("0.95", HTTP, ", method, endpoint"), "{{method}} {{endpoint}}"),
        unit="s",
        width=8,
    ),
    graph(
        "Requests That Shared a Transaction",
        "The more come at once, the more share one COMMIT.",
        query(quantile("0.50", BATCH), "p50"),
        query(quantile("0.95", BATCH), "p95"),
        width=8,
    ),
    row("PostgreSQL"),
    graph(
        "Statement Time P95",
        "By operation and table, from departure to answer.",
        query(quantile("0.95", DATABASE, ", operation, table"), "{{operation}} {{table}}"),
        unit="s",
        width=8,
    ),
    graph(
        "Statements",
        "By operation and table.",
        query(
            f"sum by (operation, table) (rate({DATABASE}_count{{ENV}}[$__rate_interval]))", "{{operation}} {{table}}"
        ),
        unit="ops",
        width=8,
    ),
    graph(
        "Connections",
        "To PostgreSQL, by role.",
        query("sum by (role) (db_connection_pool_size{ENV})", "{{role}}"),
        width=8,
    ),
    graph(
        "Mean Statement Time",
        "Time in statements, divided by their number.",
        query(mean(DATABASE, "operation, table"), "{{operation}} {{table}}"),
        unit="s",
        width=8,
    ),
    graph(
        "Outbox Due",
        "Rows that Kafka should have been told of by now, and status events not yet published.",
        query("sum by (kind) (outbound_outbox_due_rows{ENV})", "{{kind}}"),
        width=8,
    ),
    graph(
        "Rows Taken From the Outbox",
        "By the relay: due, or left behind by a process. What is published at once is not among them.",
        query("sum(rate(outbound_outbox_taken_total{ENV}[$__rate_interval]))", "rows"),
        unit="rowsps",
        width=8,
    ),
    row("Delivery"),
    graph(
        "Delivery Latency",
        "From accepted to taken by the provider.",
        *percentiles(LATENCY.removesuffix("_bucket"), "CHANNEL"),
        unit="s",
        steps=steps(30),
        width=8,
    ),
    graph(
        "Provider Response Time P95",
        "One request.",
        query(quantile("0.95", PROVIDER, ", provider"), "{{provider}}"),
        unit="s",
        width=8,
    ),
    graph(
        "In Flight",
        "Messages that the senders have in hand.",
        query("sum by (channel) (outbound_sender_in_flight{CHANNEL})", "{{channel}}"),
        width=8,
    ),
    graph(
        "Records Skipped",
        "Their message was already handled: a second copy of a record, or a message that a person has changed.",
        query("sum by (channel) (rate(outbound_sender_skipped_total{CHANNEL}[$__rate_interval]))", "{{channel}}"),
        unit="recps",
        width=8,
    ),
    graph(
        "Leases Expired",
        "Claims that no sender finished in time: one was killed, or its lease is too short.",
        query(
            "sum by (channel) (rate(outbound_sender_leases_expired_total{CHANNEL}[$__rate_interval]))", "{{channel}}"
        ),
        unit="mps",
        width=8,
    ),
    graph(
        "Dead Letters Read",
        "From the DLQ topic into PostgreSQL.",
        query("sum by (result) (rate(outbound_dead_letter_stored_total{ENV}[$__rate_interval]))", "{{result}}"),
        unit="recps",
        width=8,
    ),
    row("Exporter"),
    graph(
        "Collection Time",
        "How long the last collection took.",
        query("max by (source) (outbound_exporter_collection_duration_seconds{ENV})", "{{source}}"),
        unit="s",
    ),
    graph(
        "Collections",
        "Successes and failures.",
        query(
            "sum by (source, result) (rate(outbound_exporter_collections_total{ENV}[$__rate_interval]))",
            "{{source}} {{result}}",
        ),
        unit="ops",
    ),
]

DASHBOARD = dashboard(
    "outbound-performance",
    "Outbound Performance",
    "Response times, statements, providers.",
    PANELS,
    variables=["channel"],
)
