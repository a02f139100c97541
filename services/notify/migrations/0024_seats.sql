-- Which seats with a duty to attend a coming meeting have not answered (seed rule 54).

CREATE TABLE awaited_seats (
    meeting   text        NOT NULL,
    service   text        NOT NULL,
    unit      text        NOT NULL,                 -- of a barnehage or school; otherwise empty
    starts_at timestamptz NOT NULL,
    answered  boolean     NOT NULL DEFAULT false,
    PRIMARY KEY (meeting, service, unit)
);
COMMENT ON TABLE awaited_seats IS 'Whose answer to an invitation is waited for; gone when the meeting was held or cancelled.';
