-- Which reports each municipality owes, by which day; what became of each is in the aggregate.

CREATE TABLE report_duties (
    duty         text NOT NULL PRIMARY KEY,
    municipality text NOT NULL,
    report       text NOT NULL,
    due          date NOT NULL,
    UNIQUE (municipality, report, due)
);
COMMENT ON TABLE report_duties IS 'Finds a report that is owed, by municipality, report and day.';
