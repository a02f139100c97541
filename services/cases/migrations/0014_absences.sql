-- Who is away or has left, by opaque reference, so that nothing is handed to them and nothing stays with them.

CREATE TABLE absences (
    absence       text        PRIMARY KEY REFERENCES aggregates (id),
    person        text        NOT NULL,
    municipality  text        NOT NULL,
    unit          text        NOT NULL,
    registered_at timestamptz NOT NULL,
    last_day      date        NOT NULL,
    back_on       date,                              -- null: does not come back, or nobody has said when
    falls_to      text        NOT NULL,              -- the leader
    standing      boolean     NOT NULL DEFAULT true  -- false once it is taken back
);
CREATE INDEX absences_by_person ON absences (person, municipality) WHERE standing;
CREATE INDEX absences_by_unit ON absences (municipality, unit, registered_at);
COMMENT ON TABLE absences IS 'Whose absence stands when. What the leave is for is nowhere.';
