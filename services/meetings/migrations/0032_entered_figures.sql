-- Figures that people enter (seed rules 132, 150, 151, 155, 164, 190): which there are, and every number that was entered of each.

CREATE TABLE entered_figures (
    figure       text NOT NULL PRIMARY KEY,
    municipality text NOT NULL,
    indicator    text NOT NULL,
    period       text NOT NULL,
    unit         text NOT NULL,                     -- empty: the municipality's
    UNIQUE (municipality, indicator, period, unit)
);
COMMENT ON TABLE entered_figures IS 'Finds a figure; what has happened to it is an aggregate.';

CREATE TABLE entered_numbers (
    figure     text        NOT NULL REFERENCES entered_figures,
    number     integer     NOT NULL CHECK (number >= 1),
    tenths     bigint      NOT NULL CHECK (tenths >= 0),
    of_all     bigint      CHECK (of_all >= 1),
    source     text        NOT NULL,
    reason     text,                                -- of a correction
    actor      text        NOT NULL,
    role       text        NOT NULL,
    entered_at timestamptz NOT NULL,
    PRIMARY KEY (figure, number),
    CHECK ((number = 1) = (reason IS NULL))
);
COMMENT ON TABLE entered_numbers IS 'What was entered, entry for entry; not on the bus. It only grows: a correction is a further row.';

CREATE FUNCTION entered_numbers_only_grow() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'what was entered is kept: a correction is a further row';
END $$;
CREATE TRIGGER entered_numbers_only_grow BEFORE UPDATE OR DELETE ON entered_numbers
    FOR EACH ROW EXECUTE FUNCTION entered_numbers_only_grow();
