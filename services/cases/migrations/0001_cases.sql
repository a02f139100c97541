-- What the cases service finds its cases by, and what it remembers of disclosures. No name, number or text: those are in the vault.

CREATE TABLE case_index (
    case_ref      text        PRIMARY KEY REFERENCES aggregates (id),
    municipality  text        NOT NULL,              -- whose employees may meet it; for an address-protected case not its log's name
    registered_at timestamptz NOT NULL,
    holder        text,                              -- opaque actor references
    holder_unit   text,                              -- null for an address-protected case
    receiver      text,
    receiver_unit text,
    services      text[]      NOT NULL DEFAULT '{}'  -- inside an active consent
);
CREATE INDEX case_index_by_holder ON case_index (holder);
CREATE INDEX case_index_by_receiver ON case_index (receiver) WHERE receiver IS NOT NULL;
CREATE INDEX case_index_by_holder_unit ON case_index (holder_unit);
CREATE INDEX case_index_by_receiver_unit ON case_index (receiver_unit) WHERE receiver_unit IS NOT NULL;
CREATE INDEX case_index_by_service ON case_index USING gin (services);
COMMENT ON TABLE case_index IS 'Where to look for the cases of an actor. What the actor may see is judged on the state itself.';

CREATE TABLE part_index (
    part     text PRIMARY KEY,                       -- a concern, consent, measure, handover or form
    case_ref text NOT NULL REFERENCES aggregates (id)
);
COMMENT ON TABLE part_index IS 'Which case a reference belongs to.';

CREATE TABLE kin (
    actor    text        NOT NULL,                   -- opaque: a keyed hash, as the token's bearer is named
    case_ref text        NOT NULL REFERENCES aggregates (id),
    kind     text        NOT NULL CHECK (kind IN ('guardian', 'child')),
    ordinal  smallint    NOT NULL CHECK (ordinal >= 1),
    since    timestamptz NOT NULL,
    until    timestamptz,                            -- parental responsibility can end
    PRIMARY KEY (actor, case_ref, kind)
);
CREATE INDEX kin_by_case ON kin (case_ref);
COMMENT ON TABLE kin IS 'Whose guardian an actor is, by parental responsibility, dated. Who the actor is, only the vault knows.';

CREATE TABLE consent_receipts (
    consent     text        NOT NULL,
    version     integer     NOT NULL,
    consumer    text        NOT NULL,
    received_at timestamptz NOT NULL,
    event_id    uuid        NOT NULL,
    PRIMARY KEY (consent, version, consumer)
);
COMMENT ON TABLE consent_receipts IS 'Which services have said that they have acted on an ended or narrowed consent.';

CREATE TABLE disclosures (
    id              bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    case_ref        text        NOT NULL REFERENCES aggregates (id),
    at              timestamptz NOT NULL,
    way             text        NOT NULL CHECK (way IN ('read', 'handover', 'meeting')),
    service         text        NOT NULL,
    role            text,
    organisation    text,                            -- null for an address-protected case
    categories      text[]      NOT NULL,
    consent         text,
    consent_version integer
);
CREATE INDEX disclosures_by_case ON disclosures (case_ref, id);
COMMENT ON TABLE disclosures IS 'Who outside the holding unit has been told what: shown to guardians when a consent ends.';
