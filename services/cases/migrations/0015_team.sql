-- What the cases service finds requests to contribute by, how quickly they were answered, and which meetings write a plan.

CREATE TABLE contributions (
    contribution      text        PRIMARY KEY,
    case_ref          text        NOT NULL REFERENCES aggregates (id),
    municipality      text        NOT NULL,
    service           text        NOT NULL,
    unit              text,                          -- of a barnehage or school
    asked_at          timestamptz NOT NULL,
    respond_by        timestamptz NOT NULL,
    first_response_at timestamptz,                   -- accepted, or declined by the leader
    running           boolean     NOT NULL
);
CREATE INDEX contributions_by_service ON contributions (municipality, service, asked_at DESC, contribution DESC);
COMMENT ON TABLE contributions IS 'Finds what a service was asked for, and measures how quickly it answers. What is shown is judged on the state.';

CREATE TABLE held_meetings (
    meeting    text PRIMARY KEY,
    arena_type text NOT NULL
);
COMMENT ON TABLE held_meetings IS 'What kind of meeting it was: the minutes of some are the next version of a plan.';

CREATE TABLE decided_items (
    item     text   PRIMARY KEY,
    meeting  text   NOT NULL,
    case_ref text   NOT NULL,
    measures text[] NOT NULL
);
CREATE INDEX decided_items_by_meeting ON decided_items (meeting);
COMMENT ON TABLE decided_items IS 'Which cases a meeting decided on by name, so that its approved minutes find their plans.';
