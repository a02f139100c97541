-- Nobody has to do with the case of their own child at work (forvaltningsloven § 6): who that is, by what the cases' events say.

CREATE TABLE family_marks (
    case_ref text     NOT NULL,
    person   text     NOT NULL CHECK (person IN ('guardian', 'child')),
    ordinal  smallint NOT NULL CHECK (ordinal >= 1),
    marks    text[]   NOT NULL,                      -- keyed hashes of case and actor: they lead to nobody
    PRIMARY KEY (case_ref, person, ordinal)
);
COMMENT ON TABLE family_marks IS 'Who is of a child''s family, each as a mark of that case alone; it goes when the case is erased.';

CREATE TABLE seat_takers (
    meeting text NOT NULL REFERENCES meetings,
    service text NOT NULL,
    unit    text NOT NULL,                           -- empty: the service's only seat
    actor   text NOT NULL,                           -- opaque, as in the answer's event
    PRIMARY KEY (meeting, service, unit)
);
COMMENT ON TABLE seat_takers IS 'Who has said that they take a seat; it says who must leave when their own child is spoken of.';
