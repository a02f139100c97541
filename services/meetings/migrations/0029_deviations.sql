-- Which deviations leaders were told of: each once. What it was stands in the event.

CREATE TABLE deviations (
    deviation    text NOT NULL PRIMARY KEY,
    municipality text NOT NULL,
    key          text NOT NULL,
    UNIQUE (municipality, key)
);
COMMENT ON TABLE deviations IS 'Finds a deviation that was told of, by municipality, rule, arena, unit and meeting or period.';
