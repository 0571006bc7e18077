"""Consumer groups of any Kafka: how far behind, how late, how close to losing records; our retry tiers, dead letters."""

from grafana import dashboard, graph, query, row, stat, steps, table

PANELS = [
    row("Now"),
    stat(
        "Largest Lag",
        "Age of the oldest record that a group has not committed. In a retry tier records wait by design.",
        query("max(kafka_consumer_group_lag_seconds{GROUP_TOPIC})"),
        unit="s",
        steps=steps(60, 300),
    ),
    stat(
        "Records Behind",
        "Records behind the committed offsets.",
        query("sum(kafka_consumer_group_lag{GROUP_TOPIC})"),
    ),
    stat(
        "Records Lost",
        "Deleted by retention before a group had committed them, in the time shown.",
        query("sum(increase(kafka_consumer_group_records_lost_total{GROUP_TOPIC}[$__range]))"),
        steps=steps(1),
        decimals=0,
    ),
    stat(
        "Until Retention",
        "When the first record that is not committed may be deleted. No value: nothing waits that has an age limit.",
        query("min(kafka_consumer_group_retention_margin_seconds{GROUP_TOPIC})"),
        unit="s",
        steps=steps(3600, 86400, colors=("red", "yellow", "green")),
        noValue="-",
    ),
    stat(
        "Groups Without Members",
        "Nobody reads for them.",
        query("count(max by (group) (kafka_consumer_group_members{GROUP}) == 0) or vector(0)"),
        steps=steps(1),
    ),
    stat("Brokers", "Brokers of the cluster.", query("max(kafka_brokers{ENV})")),
    row("Lag"),
    graph(
        "Lag in Seconds",
        "Age of the oldest record that is not committed: how late the group is, whatever its speed.",
        query("max by (group, topic) (kafka_consumer_group_lag_seconds{GROUP_TOPIC})", "{{group}} {{topic}}"),
        unit="s",
    ),
    graph(
        "Lag in Records",
        "Records behind the committed offsets.",
        query("sum by (group, topic) (kafka_consumer_group_lag{GROUP_TOPIC})", "{{group}} {{topic}}"),
    ),
    graph(
        "Committed Records",
        "How fast each group goes on.",
        query(
            "sum by (group, topic) (rate(kafka_consumer_group_offset{GROUP_TOPIC}[$__rate_interval]))",
            "{{group}} {{topic}}",
        ),
        unit="recps",
    ),
    graph(
        "Written Records",
        "What comes into each topic.",
        query("sum by (topic) (rate(kafka_partition_current_offset{TOPIC}[$__rate_interval]))", "{{topic}}"),
        unit="recps",
    ),
    table(
        "Partitions",
        "The twenty that are furthest behind.",
        query("topk(20, kafka_consumer_group_lag{GROUP_TOPIC})"),
        columns=["Records behind"],
        hide=["environment", "instance", "job", "role"],
        width=24,
    ),
    row("Retention"),
    graph(
        "Retention Margin",
        "Records between the oldest one and the committed offset: how many may be deleted before the group loses any.",
        query("min by (group, topic) (kafka_consumer_group_retention_margin{GROUP_TOPIC})", "{{group}} {{topic}}"),
        width=8,
    ),
    graph(
        "Time Until Retention",
        "Until the oldest record that is not committed may be deleted.",
        query(
            "min by (group, topic) (kafka_consumer_group_retention_margin_seconds{GROUP_TOPIC})", "{{group}} {{topic}}"
        ),
        unit="s",
        width=8,
    ),
    graph(
        "Lost Records",
        "Deleted by retention before the group had committed them.",
        query(
            "sum by (group, topic) (increase(kafka_consumer_group_records_lost_total{GROUP_TOPIC}[$__rate_interval]))",
            "{{group}} {{topic}}",
        ),
        width=8,
    ),
    row("Groups"),
    table(
        "State",
        "As the broker says it: Stable is at work, Empty has no member, a rebalance should last seconds.",
        query("max by (group, state) (kafka_consumer_group_state{GROUP} == 1)"),
        columns=["is"],
    ),
    graph(
        "Members",
        "Members of each group.",
        query("max by (group) (kafka_consumer_group_members{GROUP})", "{{group}}"),
    ),
    row("Retry tiers of outbound"),
    graph(
        "Waiting by Design",
        "Records whose time has not come.",
        query("sum by (topic) (outbound_retry_waiting_records{ENV})", "{{topic}}"),
        width=8,
    ),
    graph(
        "Overdue",
        "Records whose time has come and that were not taken.",
        query("sum by (topic) (outbound_retry_overdue_records{ENV})", "{{topic}}"),
        steps=steps(1),
        width=8,
    ),
    graph(
        "Overdue Since",
        "For how long the first of them has been due.",
        query("max by (topic) (outbound_retry_overdue_seconds{ENV})", "{{topic}}"),
        unit="s",
        steps=steps(60),
        width=8,
    ),
    row("Dead letters of outbound"),
    graph(
        "Open Dead Letters",
        "In PostgreSQL: nobody has decided what becomes of them.",
        query("sum(outbound_message_dead_letter_queue_size{ENV})", "open"),
        steps=steps(50, 100),
        width=8,
    ),
    graph(
        "Oldest Open Dead Letter",
        "Its age.",
        query("max(outbound_dead_letter_oldest_age_seconds{ENV})", "oldest"),
        unit="s",
        width=8,
    ),
    graph(
        "Records in the DLQ Topic",
        "Between its oldest and its newest record.",
        query(
            'sum(kafka_partition_current_offset{ENV, topic="outbound.dlq"}'
            ' - kafka_partition_oldest_offset{ENV, topic="outbound.dlq"})',
            "records",
        ),
        width=8,
    ),
]

DASHBOARD = dashboard(
    "outbound-kafka-lag",
    "Kafka Consumer Lag",
    "Lag in records and in seconds, retention, groups; retry tiers and dead letters.",
    PANELS,
    variables=["group", "topic"],
)
