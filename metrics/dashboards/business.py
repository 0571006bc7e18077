"""Messages as the business sees them: how many came, how many arrived, what became of the rest."""

from grafana import bars, dashboard, gauge, graph, query, row, stat, steps
from messaging import ATTEMPTS, FAILURE, NO_QUOTA, SUCCESS

PANELS = [
    row("The last 24 hours"),
    stat(
        "Messages Accepted",
        "By channel.",
        query("sum by (channel) (increase(outbound_message_accepted_total{CHANNEL}[24h]))", "{{channel}}"),
        width=8,
        decimals=0,
    ),
    stat(
        "Messages Delivered",
        "Taken by a provider, by channel.",
        query(f"sum by (channel) (increase({SUCCESS}{{CHANNEL}}[24h]))", "{{channel}}"),
        width=8,
        decimals=0,
    ),
    stat(
        "Messages Given Up",
        "Dead letters, by channel.",
        query("sum by (channel) (increase(outbound_message_dead_letter_total{CHANNEL}[24h]))", "{{channel}}"),
        steps=steps(1, 100),
        width=8,
        decimals=0,
    ),
    bars(
        "Why Attempts Failed",
        "The ten most frequent error codes.",
        query(f"sort_desc(topk(10, sum by (error_code) (increase({FAILURE}{{CHANNEL}}[24h])) > 0))", "{{error_code}}"),
        decimals=0,
        noValue="Nothing failed",
    ),
    graph(
        "Attempts per Message Sent",
        "1 is the best there is; more means retries, which cost money with some providers.",
        query(
            f'sum by (channel) (increase({{__name__=~"{ATTEMPTS}", CHANNEL}}[24h]))'
            f" / (sum by (channel) (increase({SUCCESS}{{CHANNEL}}[24h])) > 0)",
            "{{channel}}",
        ),
    ),
    row("Volume"),
    graph(
        "Messages Accepted per Hour",
        "By channel.",
        query("sum by (channel) (increase(outbound_message_accepted_total{CHANNEL}[1h]))", "{{channel}}"),
        stack=True,
        decimals=0,
    ),
    graph(
        "Requests of Services Upstream",
        "Records of outbound.requests: stored, repeated, rejected.",
        query("sum by (result) (rate(outbound_ingress_records_total{ENV}[$__rate_interval]))", "{{result}}"),
        unit="recps",
    ),
    graph(
        "What Became of the Messages",
        "Those in PostgreSQL, by status; what is archived is apart.",
        query("sum by (status) (outbound_message_queue_depth_by_channel{CHANNEL})", "{{status}}"),
        query("sum(outbound_message_archived{ENV})", "archived"),
        symlog=True,
    ),
    graph(
        "Messages That Have Had an Attempt and Wait for Another",
        "By channel.",
        query("sum by (channel) (outbound_message_retry_count{CHANNEL})", "{{channel}}"),
    ),
    row("WhatsApp quota, alerts by WhatsApp"),
    gauge(
        "Quota Usage",
        "Of the ten organisations closest to their limit.",
        query("topk(10, (whatsapp_quota_used{ENV} / whatsapp_quota_limit{ENV}) * 100)", "{{org_id}}"),
        steps=[(None, "green"), (70, "yellow"), (85, "orange"), (95, "red")],
        width=16,
        noValue=NO_QUOTA,
    ),
    graph(
        "Alerts Received",
        "What Alertmanager has sent for the owner's phone.",
        query(
            "sum by (status, result) (increase(outbound_alert_notifications_total{ENV}[1h]))", "{{status}} {{result}}"
        ),
        width=8,
        decimals=0,
    ),
]

DASHBOARD = dashboard(
    "outbound-business",
    "Outbound Business",
    "Messages accepted, delivered and given up; quotas.",
    PANELS,
    variables=["channel"],
)
