-- The trace that a message belongs to, as W3C Trace Context has it; NULL: none. What is published or tried again later
-- goes on in it.
ALTER TABLE outbound_message
    ADD COLUMN traceparent text,
    ADD COLUMN tracestate text;
ALTER TABLE outbound_message_archive
    ADD COLUMN traceparent text,
    ADD COLUMN tracestate text;
