-- How often public pages were visited: one row for each municipality, page and month. Nothing of who came (seed rule 150).

CREATE TABLE page_visits (
    municipality text   NOT NULL,
    page         text   NOT NULL,
    month        date   NOT NULL CHECK (extract(day FROM month) = 1),  -- its first day
    visits       bigint NOT NULL CHECK (visits >= 0),
    PRIMARY KEY (municipality, page, month)
);
COMMENT ON TABLE page_visits IS 'Visits as plain numbers. A month with a row, or after one, was counted; one before all rows was not.';
