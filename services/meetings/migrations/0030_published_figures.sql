-- What was published of a term that is over, with small counts hidden already. The profile that it was counted by may change: it stands.

CREATE TABLE published_figures (
    municipality text  NOT NULL,
    period       text  NOT NULL,
    code         text  NOT NULL,
    figure       jsonb NOT NULL,
    PRIMARY KEY (municipality, period, code)
);
COMMENT ON TABLE published_figures IS 'Figures as they were first shown to somebody, once for each term. It only grows.';
