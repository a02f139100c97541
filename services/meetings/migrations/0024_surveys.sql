-- Surveys after meetings. No answer has a row: it is added to sums that are sealed under the round, and forgotten with it.

CREATE TABLE survey_rounds (
    round        text    NOT NULL PRIMARY KEY,
    municipality text    NOT NULL,
    form         text    NOT NULL,
    questions    text[]  NOT NULL,
    first        date    NOT NULL,
    last         date    NOT NULL,
    completed    boolean NOT NULL DEFAULT false,
    UNIQUE (municipality, form, questions, first)
);
COMMENT ON TABLE survey_rounds IS 'A term of one survey. Its sums are in the vault until it is completed, and then nowhere.';

CREATE TABLE surveys (
    survey       text        NOT NULL PRIMARY KEY,
    municipality text        NOT NULL,
    meeting      text        NOT NULL REFERENCES meetings,
    form         text        NOT NULL,
    round        text        NOT NULL REFERENCES survey_rounds,
    seats        text[]      NOT NULL,               -- that were taken: service/role
    units        text[]      NOT NULL,               -- barnehager and schools that took part; none means all
    closes_at    timestamptz NOT NULL,
    guardians    integer     NOT NULL,               -- tickets that are given by hand
    closed       boolean     NOT NULL DEFAULT false,
    UNIQUE (meeting, form)
);
CREATE INDEX surveys_by_time ON surveys (municipality, closes_at, survey) WHERE NOT closed;
COMMENT ON TABLE surveys IS 'Finds surveys; written with the aggregate.';

-- Without a key: nothing tells one row of a seat from another, or in which order they were taken.
CREATE TABLE survey_tickets (
    survey  text  NOT NULL REFERENCES surveys,
    service text,
    role    text  NOT NULL,
    hash    bytea                                    -- of one that is given by hand
);
CREATE INDEX survey_tickets_by_survey ON survey_tickets (survey);
COMMENT ON TABLE survey_tickets IS 'Seats that have not answered; a row goes with the answer, all go when the survey is closed.';

CREATE TABLE survey_marks (
    survey text  NOT NULL REFERENCES surveys,
    mark   bytea NOT NULL,                           -- of survey and actor, under the round's own secret
    PRIMARY KEY (survey, mark)
);
COMMENT ON TABLE survey_marks IS 'That somebody has answered, so that it is once; all go when the survey is closed.';
