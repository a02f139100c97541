-- By which name (Message-ID, Idempotency-Key) the digest went that a message was last in hand with: what is left of it when others were
-- taken back, and nobody knows whether it had left the house, is the same digest to whoever has it already.

ALTER TABLE messages ADD COLUMN digest_name text;
