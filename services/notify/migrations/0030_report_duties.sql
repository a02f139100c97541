-- Which reports are waited for, of whom, and whose leaders are told (seed rules 123, 127, 128, 135).

CREATE TABLE awaited_reports (
    duty    text PRIMARY KEY,
    owed_by text NOT NULL,                  -- a role in the municipality
    unit    text,                           -- whose leaders are told when it does not come
    due     date NOT NULL
);
COMMENT ON TABLE awaited_reports IS 'Reports that municipalities owe; gone when they were delivered, or are asked for no longer.';
