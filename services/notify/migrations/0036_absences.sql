-- Who is not at work from which day on, and to whom it falls (seed rule 107): a leader who is away is told nothing that another must act on.

CREATE TABLE absences (
    absence  text PRIMARY KEY,
    person   text NOT NULL,
    last_day date NOT NULL,
    back_on  date,                  -- null: they have left, or are closed in the organisation's directory
    falls_to text NOT NULL
);
CREATE INDEX absences_by_person ON absences (person);
COMMENT ON TABLE absences IS 'Who is away or has left, by the events of the cases.';
