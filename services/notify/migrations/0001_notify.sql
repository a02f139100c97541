-- What the notify service keeps beside its aggregates (deadlines, messages, recipients, receipts): the work of delivering,
-- and a few facts of the cases that decide who is told. References and codes only; the one address is an employee's own.

CREATE TABLE messages (
    message          text        PRIMARY KEY,
    step             text        NOT NULL,          -- what it was written for: told once to each recipient
    recipient        text        NOT NULL,
    recipient_role   text        NOT NULL,
    recipient_service text,                         -- of an employee: what ends when a consent for the service does
    scope            text        NOT NULL,
    case_ref         text,
    consent          text,
    deadline         text,
    due              timestamptz,
    template         text        NOT NULL,
    template_version integer     NOT NULL,
    language         text        NOT NULL,
    channel          text        NOT NULL CHECK (channel IN ('email', 'in-app')),
    status           text        NOT NULL CHECK (status IN ('pending', 'sent', 'failed', 'cancelled')),
    queued_at        timestamptz NOT NULL,          -- by the rules' clock
    read_at          timestamptz,
    correlation      uuid        NOT NULL,
    causation        uuid,
    attempts         integer     NOT NULL DEFAULT 0,
    retry_at         timestamptz NOT NULL DEFAULT clock_timestamp(),  -- until then somebody has it in hand, or it is put off
    recorded_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
    UNIQUE (step, recipient)
);
CREATE INDEX messages_to_send ON messages (retry_at) WHERE status = 'pending';
CREATE INDEX messages_by_recipient ON messages (recipient, queued_at DESC, message DESC);
CREATE INDEX messages_by_step ON messages (step text_pattern_ops);
CREATE INDEX messages_by_case ON messages (case_ref) WHERE status = 'pending';
COMMENT ON TABLE messages IS 'Who was told what, and how far its delivery is. Never a name, an address or a text.';

CREATE TABLE errands (
    step        text        PRIMARY KEY,
    scope       text        NOT NULL,
    case_ref    text        NOT NULL,
    consent     text        NOT NULL,
    deadline    text        NOT NULL,
    due         timestamptz NOT NULL,
    template    text        NOT NULL,
    roles       text[]      NOT NULL,               -- whom of those around the child: guardians, the child
    correlation uuid        NOT NULL,
    causation   uuid,
    attempts    integer     NOT NULL DEFAULT 0,
    retry_at    timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX errands_due ON errands (retry_at);
COMMENT ON TABLE errands IS 'Somebody around a child is to be told; who that is, the cases service says at that moment.';

CREATE TABLE holders (
    case_ref text PRIMARY KEY,
    holder   text NOT NULL                          -- JSON: actor, role, service, unit
);
COMMENT ON TABLE holders IS 'Who has the baton of each case.';

CREATE TABLE consent_answers (
    consent text    NOT NULL,
    role    text    NOT NULL,
    ordinal integer NOT NULL,
    PRIMARY KEY (consent, role, ordinal)
);
COMMENT ON TABLE consent_answers IS 'Who has answered already, by number: nobody is reminded of what they have done.';

CREATE TABLE addresses (
    recipient text PRIMARY KEY,
    email     text NOT NULL
);
COMMENT ON TABLE addresses IS 'Where employees asked to be reached. No guardian''s or child''s address is ever here.';

CREATE INDEX deadlines_by_actor ON aggregates ((state -> 'responsible' ->> 'actor')) WHERE kind = 'deadline';
CREATE INDEX deadlines_by_unit ON aggregates ((state -> 'responsible' ->> 'unit')) WHERE kind = 'deadline';
CREATE INDEX deadlines_by_case ON aggregates ((state ->> 'case')) WHERE kind = 'deadline';
CREATE INDEX recipients_by_unit ON aggregates (scope, (state ->> 'unit')) WHERE kind = 'recipient';
