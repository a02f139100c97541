-- For which children meetings are due, by what the cases' events say, and how many had them, told once (seed rules 10, 23, 29).

CREATE TABLE child_facts (
    case_ref     text        NOT NULL,
    sequence     bigint      NOT NULL,               -- of the case's event that says it
    municipality text        NOT NULL,
    happened_at  timestamptz NOT NULL,
    fact         jsonb       NOT NULL,               -- codes, and who holds or coordinates, as an opaque reference
    PRIMARY KEY (case_ref, sequence)
);
CREATE INDEX child_facts_by_municipality ON child_facts (municipality, case_ref, sequence);
COMMENT ON TABLE child_facts IS 'Around which cases there is a group; it goes when the case is erased. A protected address is never here.';

CREATE TABLE told_around_children (
    municipality text NOT NULL,
    arena_type   text NOT NULL,
    first        date NOT NULL,                      -- of the term or window
    told         jsonb NOT NULL,                     -- small numbers are hidden in it
    PRIMARY KEY (municipality, arena_type, first)
);
COMMENT ON TABLE told_around_children IS 'How many children had the meetings that were due, as it was told once; a later record does not change it.';
