-- Nothing leaves the house at night or on a public holiday, and for who wants it so, once a day all together.

ALTER TABLE messages ADD COLUMN not_before timestamptz NOT NULL DEFAULT '-infinity';   -- by the rules' clock
ALTER TABLE messages ADD COLUMN digest boolean NOT NULL DEFAULT false;                 -- one of a day's digest
CREATE INDEX digests_to_send ON messages (recipient, not_before) WHERE status = 'pending' AND digest;
