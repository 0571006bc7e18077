-- Kafka as it was last seen, by which a producer notices that it came back without what was in it, and how far the
-- rebuild is that follows. One row. See schemas/rebuild.h.

CREATE TABLE outbound_kafka (
    one             boolean PRIMARY KEY DEFAULT true CHECK (one),
    cluster_id      text,                       -- NULL: none has been seen yet
    ends            json NOT NULL DEFAULT '{}', -- where the partitions of each topic ended: {"outbound.dlq": [12, 0]}
    rebuilds        integer NOT NULL DEFAULT 0, -- begun so far. A process that sees it rise replaces its Kafka clients
    begun_at        timestamptz,                -- the last one
    walk_status     text,                       -- messages of this status are being published; NULL: no rebuild goes on
    walk_created_at timestamptz NOT NULL DEFAULT '-infinity', -- of the last message that was looked at,
    walk_id         uuid NOT NULL DEFAULT '00000000-0000-0000-0000-000000000000' -- and its id
) WITH (fillfactor = 10); -- changed each second: the new version finds room beside the old one

INSERT INTO outbound_kafka DEFAULT VALUES;
