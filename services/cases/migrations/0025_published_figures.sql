-- What is told of a term that is over, with small counts hidden already. The time to act that it was counted by may change: it stands.

CREATE TABLE published_figures (
    municipality text  NOT NULL,
    period       text  NOT NULL,
    figures      jsonb NOT NULL,
    PRIMARY KEY (municipality, period)
);
COMMENT ON TABLE published_figures IS 'Figures as they were when somebody first asked, once for each term. It only grows.';
