-- Several messages are sent at a time, but to one recipient by one way one after the other.

ALTER TABLE messages ADD COLUMN held boolean NOT NULL DEFAULT false;    -- somebody has it in hand until `retry_at`, and it is not put off
CREATE INDEX messages_waiting ON messages (recipient, channel) WHERE status = 'pending';
