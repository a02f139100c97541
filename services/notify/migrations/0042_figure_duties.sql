-- Which figures are waited for, of whom, and whose leaders are told (seed rules 150, 151, 155, 164, 190).

CREATE TABLE awaited_figures (
    figure       text NOT NULL PRIMARY KEY,
    municipality text NOT NULL,
    owed_by      text NOT NULL,             -- a role in the municipality
    owing_unit   text,                      -- whose people enter it, in the role; none: whoever has the role
    led_by       text,                      -- whose leaders are told when nobody enters it
    due          date NOT NULL
);
COMMENT ON TABLE awaited_figures IS 'Figures that are to be entered; gone when they were, or are asked for no longer.';
