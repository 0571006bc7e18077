"""The processes: resources, requests, errors."""

from grafana import dashboard, graph, query, row, stat, steps, table

REQUESTS = "sum(rate(http_requests_total{ENV}[$__rate_interval]))"

PANELS = [
    row("Requests"),
    graph(
        "Request Rate",
        "Requests answered, by endpoint.",
        query("sum by (endpoint) (rate(http_requests_total{ENV}[$__rate_interval]))", "{{endpoint}}"),
        unit="reqps",
        width=8,
    ),
    graph(
        "Requests by Status",
        "Answers by HTTP status.",
        query("sum by (status) (rate(http_requests_total{ENV}[$__rate_interval]))", "{{status}}"),
        unit="reqps",
        width=8,
        stack=True,
    ),
    graph(
        "Error Rate",
        "Share of answers that were the server's fault (5xx)."
        " The line is the threshold of HighErrorRate, which leaves out probes.",
        query(
            f'(sum(rate(http_requests_total{{ENV, status=~"5.."}}[$__rate_interval])) or vector(0)) / {REQUESTS}', "5xx"
        ),
        unit="percentunit",
        steps=steps(0.05),
        width=8,
    ),
    row("Processes"),
    stat(
        "Processes",
        "Those that answer Prometheus.",
        query("count(up{ENV} == 1)"),
    ),
    stat(
        "Processes Away",
        "Those that do not.",
        query("count(up{ENV} == 0) or vector(0)"),
        steps=steps(1),
    ),
    table(
        "Versions",
        "What runs where.",
        query("count by (role, version, environment) (outbound_build_info{ENV})"),
        columns=["Processes"],
        width=16,
        height=4,
    ),
    graph(
        "CPU",
        "Of one core, by process.",
        query("rate(process_cpu_seconds_total{ENV}[$__rate_interval])", "{{role}} {{instance}}"),
        unit="percentunit",
        width=8,
    ),
    graph(
        "Resident Memory",
        "By process.",
        query("process_resident_memory_bytes{ENV}", "{{role}} {{instance}}"),
        unit="bytes",
        width=8,
    ),
    graph(
        "File Descriptors",
        "Open ones, as a share of the most there may be.",
        query("process_open_fds{ENV} / process_max_fds{ENV}", "{{role}} {{instance}}"),
        unit="percentunit",
        steps=steps(0.8),
        width=8,
    ),
    graph(
        "Uptime",
        "A line that falls to the ground is a restart.",
        query("time() - process_start_time_seconds{ENV}", "{{role}} {{instance}}"),
        unit="s",
        width=8,
    ),
    graph(
        "Log Lines",
        "Warnings and errors, by role.",
        query(
            'sum by (role, level) (rate(outbound_log_lines_total{ENV, level=~"warn|error"}[$__rate_interval]))',
            "{{role}} {{level}}",
        ),
        unit="eps",
        width=8,
    ),
    graph(
        "Traces and Error Reports",
        "Spans and Sentry events that went out, or were dropped.",
        query("sum by (result) (rate(outbound_trace_spans_total{ENV}[$__rate_interval]))", "spans {{result}}"),
        query("sum by (result) (rate(outbound_sentry_events_total{ENV}[$__rate_interval]))", "Sentry {{result}}"),
        unit="eps",
        width=8,
    ),
    row("Kafka"),
    graph(
        "Records Published",
        "Acknowledged by Kafka, by topic.",
        query(
            "sum by (messaging_destination_name)"
            ' (rate(messaging_client_sent_messages_total{ENV, error_type=""}[$__rate_interval]))',
            "{{messaging_destination_name}}",
        ),
        unit="recps",
        width=8,
    ),
    graph(
        "Records Consumed",
        "By group and topic.",
        query(
            "sum by (messaging_consumer_group_name, messaging_destination_name)"
            " (rate(messaging_client_consumed_messages_total{ENV}[$__rate_interval]))",
            "{{messaging_consumer_group_name}} {{messaging_destination_name}}",
        ),
        unit="recps",
        width=8,
    ),
    graph(
        "Records Refused",
        "Not acknowledged by Kafka, and why. They are published again.",
        query(
            'sum(rate(messaging_client_sent_messages_total{ENV, error_type!=""}[$__rate_interval])) or vector(0)', "all"
        ),
        query(
            "sum by (messaging_destination_name, error_type)"
            ' (rate(messaging_client_sent_messages_total{ENV, error_type!=""}[$__rate_interval]))',
            "{{messaging_destination_name}} {{error_type}}",
        ),
        unit="recps",
        width=8,
    ),
]

DASHBOARD = dashboard(
    "outbound-system", "Outbound System", "Resources, request rates, error rates of the processes.", PANELS
)
