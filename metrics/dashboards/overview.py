"""Where an operator looks first: what waits, what is late, what fails and why; whether what is shown can be trusted."""

from grafana import bars, dashboard, graph, query, row, stat, steps, table
from messaging import GOOD_IS_HIGH, latency, success_rate

PANELS = [
    row("Now"),
    stat(
        "Success Rate",
        "Share of attempts that the providers took, over five minutes.",
        query(success_rate("ENV", over="5m")),
        unit="percentunit",
        steps=steps(0.90, 0.95, colors=GOOD_IS_HIGH),
    ),
    stat(
        "Queued",
        "Messages that are QUEUED.",
        query("sum(outbound_message_total_queued{ENV})"),
        steps=steps(500, 1000),
    ),
    stat(
        "Oldest Queued",
        "Age of the oldest QUEUED message, those that wait for a retry or a set time included; 0: there is none.",
        query("max(outbound_message_oldest_queued_age_seconds{ENV})"),
        unit="s",
        steps=steps(1800, 7200),
    ),
    stat(
        "Dead Letters",
        "Given up, and nobody has looked at them yet.",
        query("sum(outbound_message_dead_letter_queue_size{ENV})"),
        steps=steps(50, 100),
    ),
    stat(
        "Lost or Doubled",
        "The conservation of messages: accepted less all that they have become. Anything but 0 is a defect: `outbound audit` "
        "names it.",
        query("sum(outbound_message_conservation_difference{ENV})"),
        steps=[(None, "red"), (0, "green"), (1, "red")],
    ),
    stat(
        "Processes Away",
        "What Prometheus cannot ask: a process that is down, or whose port is wrong.",
        query("count(up{ENV} == 0) or vector(0)"),
        steps=steps(1),
    ),
    row("What waits"),
    graph(
        "Waiting, by Status",
        "Messages that have not come to an end. UNKNOWN waits for a receipt or a person.",
        query(
            'sum by (status) (outbound_message_queue_depth{ENV, status!~"sent|failed|expired|cancelled"})', "{{status}}"
        ),
        width=8,
    ),
    graph(
        "Waiting, by Channel",
        "QUEUED, by channel.",
        query('sum by (channel) (outbound_message_queue_depth_by_channel{ENV, status="queued"})', "{{channel}}"),
        width=8,
    ),
    graph(
        "Waiting for a Retry, by Design",
        "Records of the retry tiers whose time has not come. This is no lag.",
        query("sum by (topic) (outbound_retry_waiting_records{ENV})", "{{topic}}"),
        width=8,
        stack=True,
    ),
    row("What is late"),
    graph(
        "Lag",
        "Age of the oldest record that a group has not committed. The retry tiers, where waiting is meant, are below.",
        query(
            'max by (group, topic) (kafka_consumer_group_lag_seconds{ENV, topic!~"outbound.retry.*"}) > 0',
            "{{group}} {{topic}}",
        ),
        query('max(kafka_consumer_group_lag_seconds{ENV, topic!~"outbound.retry.*"})', "all"),
        unit="s",
        width=8,
    ),
    graph(
        "Overdue",
        "Retries whose time has come and that nobody took; outbox rows that Kafka was not told of; messages whose end nobody "
        "has decided.",
        query("max by (topic) (outbound_retry_overdue_seconds{ENV})", "{{topic}}"),
        query("max(outbound_outbox_oldest_due_seconds{ENV})", "outbox"),
        query("max(outbound_message_oldest_unknown_age_seconds{ENV})", "unknown"),
        unit="s",
        width=8,
    ),
    graph(
        "Delivery Latency P95 by Channel",
        "From accepted to taken by the provider.",
        query(latency("0.95", "ENV", by=", channel"), "{{channel}}"),
        unit="s",
        steps=steps(30),
        width=8,
    ),
    row("What fails, and why"),
    bars(
        "Failed Attempts of the Last 15 Minutes",
        "By channel and error code, the most frequent first.",
        query(
            "sort_desc(topk(10,"
            " sum by (channel, error_code) (increase(outbound_message_send_failure_total{ENV}[15m])) > 0))",
            "{{channel}} {{error_code}}",
        ),
        decimals=0,
        noValue="Nothing failed",
        width=8,
    ),
    graph(
        "Given Up",
        "Messages that became dead letters.",
        query("sum by (channel) (rate(outbound_message_dead_letter_total{ENV}[$__rate_interval]))", "{{channel}}"),
        unit="mps",
        width=8,
    ),
    graph(
        "Provider Response Time P95",
        "One request. A provider that gets slow is the most frequent reason for a queue.",
        query(
            "histogram_quantile(0.95, sum by (le, provider)"
            " (rate(outbound_provider_request_duration_seconds_bucket{ENV}[$__rate_interval])))",
            "{{provider}}",
        ),
        unit="s",
        width=8,
    ),
    row("Alerts, and how old all this is"),
    table(
        "Alerts",
        "What fires or is about to.",
        query("sum by (alertname, severity, alertstate) (ALERTS)"),
        columns=["Series"],
        width=16,
        noValue="None",
    ),
    graph(
        "Age of What Is Shown",
        "What the exporter found last, of Kafka and of PostgreSQL. It asks every OUTBOUND_METRICS_UPDATE_INTERVAL_MS.",
        query("max by (source) (outbound_exporter_snapshot_age_seconds{ENV})", "{{source}}"),
        unit="s",
        steps=steps(60),
        width=8,
    ),
]

DASHBOARD = dashboard(
    "outbound-overview",
    "Outbound Overview",
    "What waits, what is late, what fails and why.",
    PANELS,
)
