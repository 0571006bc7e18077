-- Who claimed the message last: OUTBOUND_INSTANCE_ID; NULL: a sender without a name. The next process of that name ends
-- the claims of one that was killed. Not in an index, so that a claim changes none.
ALTER TABLE outbound_message ADD COLUMN claimed_by text;
ALTER TABLE outbound_message_archive ADD COLUMN claimed_by text;
