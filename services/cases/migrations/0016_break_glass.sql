-- Emergency accesses: where whoever reviews them finds them, and what was looked at under each. No reason in words: that is in the vault.

CREATE TABLE glass (
    glass        text        PRIMARY KEY,
    case_ref     text        NOT NULL REFERENCES aggregates (id),
    municipality text        NOT NULL,
    unit         text,                               -- where it was opened; null for an address-protected case
    opened_at    timestamptz NOT NULL,
    reviewed_at  timestamptz,
    escalated_at timestamptz
);
CREATE INDEX glass_by_unit ON glass (unit, opened_at DESC, glass DESC);
CREATE INDEX glass_escalated ON glass (municipality, opened_at DESC, glass DESC) WHERE escalated_at IS NOT NULL;
COMMENT ON TABLE glass IS 'Where to look for the emergency accesses of a unit. Who may review one is judged on the case''s state.';

CREATE TABLE glass_looks (
    id         bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    glass      text        NOT NULL REFERENCES glass (glass),
    at         timestamptz NOT NULL,
    categories text[]      NOT NULL
);
CREATE INDEX glass_looks_by_glass ON glass_looks (glass, id);
COMMENT ON TABLE glass_looks IS 'What was looked at in an emergency, for whoever reviews it; the log has the evidence.';
