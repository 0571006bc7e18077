-- Which rebuild found that a topic had lost its records last: {"outbound.dlq": 3}; "*" stands for all topics. What a
-- consumer group has committed before that rebuild is a place in records that are gone (base/kafka_consumer.h).
ALTER TABLE outbound_kafka ADD COLUMN lost jsonb NOT NULL DEFAULT '{}';
