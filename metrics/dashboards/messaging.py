"""The 18 panels of the observability guide, in its order, with its titles and thresholds."""

from grafana import dashboard, gauge, graph, query, stat, steps

LATENCY = "outbound_message_delivery_latency_seconds_bucket"
SUCCESS = "outbound_message_send_success_total"
FAILURE = "outbound_message_send_failure_total"
# Both at once, so that a channel that only succeeds, or only fails, has a rate, too.
ATTEMPTS = "outbound_message_send_(success|failure)_total"

NO_QUOTA = "No organisation has a quota"
GOOD_IS_HIGH = ("red", "yellow", "green")


def latency(quantile, selector, by="", over="$__rate_interval"):
    return f"histogram_quantile({quantile}, sum by (le{by}) (rate({LATENCY}{{{selector}}}[{over}])))"


def success_rate(selector, by="", over="$__rate_interval"):
    share = f"sum{by} (rate({SUCCESS}{{{selector}}}[{over}]))"
    return f'{share} / sum{by} (rate({{__name__=~"{ATTEMPTS}", {selector}}}[{over}]))'


PANELS = [
    graph(
        "Queue Depth by Status",
        "Messages in PostgreSQL, all channels. The line is the threshold of HighQueueDepth. Logarithmic above 1, because "
        "SENT holds all that was delivered and is not archived yet.",
        query("sum by (status) (outbound_message_queue_depth{ENV})", "{{status}}"),
        steps=steps(1000),
        symlog=True,
    ),
    stat(
        "Total Queued Messages",
        "Messages that are QUEUED, all channels: for delivery, for another attempt, or until a time that was set.",
        query("sum(outbound_message_total_queued{ENV})"),
        steps=steps(500, 1000),
        width=6,
        height=8,
    ),
    stat(
        "Dead Letter Queue Size",
        "What was given up and nobody has looked at yet. `outbound dlq stats` says why.",
        query("sum(outbound_message_dead_letter_queue_size{ENV})"),
        steps=steps(50, 100),
        width=6,
        height=8,
    ),
    graph(
        "Delivery Latency Percentiles (All Channels)",
        "From accepted to taken by the provider, retries included. The line is HighDeliveryLatency's threshold for p95.",
        query(latency("0.50", "ENV"), "p50"),
        query(latency("0.95", "ENV"), "p95"),
        query(latency("0.99", "ENV"), "p99"),
        unit="s",
        steps=steps(30),
        width=8,
    ),
    graph(
        "Delivery Latency P95 by Channel",
        "Which channel is slow.",
        query(latency("0.95", "CHANNEL", by=", channel"), "{{channel}}"),
        unit="s",
        steps=steps(30),
        width=8,
    ),
    graph(
        "Delivery Latency P99 by Channel",
        "The worst one in a hundred of each channel.",
        query(latency("0.99", "CHANNEL", by=", channel"), "{{channel}}"),
        unit="s",
        steps=steps(60),
        width=8,
    ),
    graph(
        "Send Success Rate by Channel",
        "Share of attempts that the provider took."
        " The line is the threshold of LowSuccessRate, which leaves out what recipients cause.",
        query(success_rate("CHANNEL", by=" by (channel)"), "{{channel}}"),
        unit="percentunit",
        steps=steps(0.95, colors=("red", "green")),
        max=1,
    ),
    graph(
        "Message Send Rate by Channel",
        "Accepted against sent. When the first stays above the second, the queue grows.",
        query(
            "sum by (channel) (rate(outbound_message_queued_total{CHANNEL}[$__rate_interval]))", "{{channel}} queued"
        ),
        query(f"sum by (channel) (rate({SUCCESS}{{CHANNEL}}[$__rate_interval]))", "{{channel}} sent"),
        unit="mps",
    ),
    graph(
        "Failure Rate Trends by Error Code",
        "Attempts that did not end with success, by the codes that there were. docs/ERRORS.md says what each code means "
        "and whether it is tried again.",
        query(
            f"sum by (error_code) (rate({FAILURE}{{CHANNEL}}[$__rate_interval]))"
            f" and sum by (error_code) (increase({FAILURE}{{CHANNEL}}[$__range])) > 0",
            "{{error_code}}",
        ),
        unit="ops",
        stack=True,
        noValue="Nothing failed",
    ),
    graph(
        "Retry Rate by Channel",
        "Messages queued again after an attempt.",
        query("sum by (channel) (rate(outbound_message_retry_total{CHANNEL}[$__rate_interval]))", "{{channel}}"),
        unit="mps",
    ),
    gauge(
        "WhatsApp Quota Usage",
        "Of the five organisations closest to their limit.",
        query("topk(5, (whatsapp_quota_used{ENV} / whatsapp_quota_limit{ENV}) * 100)", "{{org_id}}"),
        steps=steps(70, 90),
        noValue=NO_QUOTA,
    ),
    stat(
        "WhatsApp Quota Used",
        "Messages sent in the current quota period, all organisations that the exporter shows.",
        query("sum(whatsapp_quota_used{ENV})"),
        width=3,
        height=8,
        noValue="-",
    ),
    stat(
        "WhatsApp Quota Remaining",
        "What is left of the current quota period, all organisations that the exporter shows.",
        query("sum(whatsapp_quota_remaining{ENV})"),
        width=3,
        height=8,
        noValue="-",
    ),
    graph(
        "WhatsApp Quota Timeline",
        "Used, of the five organisations closest to their limit, and that limit.",
        query(
            "whatsapp_quota_used{ENV} and topk(5, whatsapp_quota_used{ENV} / whatsapp_quota_limit{ENV})",
            "{{org_id}} used",
        ),
        query(
            "whatsapp_quota_limit{ENV} and topk(5, whatsapp_quota_used{ENV} / whatsapp_quota_limit{ENV})",
            "{{org_id}} limit",
        ),
        noValue=NO_QUOTA,
    ),
    graph(
        "Alert Counts",
        "Alerts that fire, by name: StuckMessages, HighQueueDepth, DeadLetterQueueGrowth and the others. docs/alerts.md "
        "has the page for each.",
        query('count by (alertname) (ALERTS{alertstate="firing"})', "{{alertname}}"),
        width=24,
        stack=True,
        noValue="No alert fires",
    ),
    stat(
        "Overall System Health Score",
        "Share of attempts that the providers took, all channels.",
        query(success_rate("ENV", over="5m")),
        unit="percentunit",
        steps=steps(0.90, 0.95, colors=GOOD_IS_HIGH),
        width=8,
    ),
    stat(
        "Average Delivery Time",
        "Half of the last hour's messages were delivered in less.",
        query(latency("0.50", "ENV", over="1h")),
        unit="s",
        width=8,
    ),
    stat(
        "P99 Delivery Time",
        "99 of 100 of the last hour's messages were delivered in less.",
        query(latency("0.99", "ENV", over="1h")),
        unit="s",
        steps=steps(30, 60),
        width=8,
    ),
]

DASHBOARD = dashboard(
    "outbound-messaging-observability",
    "Outbound Messaging Observability",
    "Queues, latency, throughput, failures, quota and alerts of the delivery pipeline.",
    PANELS,
    variables=["channel"],
)
