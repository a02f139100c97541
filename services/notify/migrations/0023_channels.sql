-- More ways than e-mail: SMS, and letters that the unit's office posts; a way that fails is followed by the next, and every try is kept.

ALTER TABLE messages DROP CONSTRAINT messages_channel_check;
ALTER TABLE messages ADD CONSTRAINT messages_channel_check
    CHECK (channel IN ('email', 'sms', 'in-app', 'digital-post', 'letter'));
ALTER TABLE messages ADD COLUMN recipient_ordinal integer;      -- which guardian, as in the events of the consent
ALTER TABLE messages ADD COLUMN trying_since timestamptz;       -- the first try by its present way, by the machine's clock
CREATE INDEX letters_to_post ON messages (case_ref) WHERE channel = 'letter' AND status = 'pending';

CREATE TABLE tries (
    id       bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    message  text        NOT NULL REFERENCES messages ON DELETE CASCADE,
    channel  text        NOT NULL,
    tried_at timestamptz NOT NULL,                              -- by the rules' clock
    outcome  text        NOT NULL CHECK (outcome IN ('sent', 'put-off', 'rejected', 'unreachable', 'no-address')),
    answered integer                                            -- the code that a mail server or gateway answered with
);
CREATE INDEX tries_by_message ON tries (message, id);
COMMENT ON TABLE tries IS 'Every try to deliver a message, by which way, and what came of it. Never an address.';

ALTER TABLE addresses ALTER COLUMN email DROP NOT NULL;
ALTER TABLE addresses ADD COLUMN phone text;
ALTER TABLE addresses ADD CONSTRAINT addresses_somewhere CHECK (email IS NOT NULL OR phone IS NOT NULL);
