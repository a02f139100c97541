-- What leaders and the coordinator are told in numbers (seed rules 89, 102, 154, 155, 179, 180). Times, codes and units; nobody's name.
-- Counts go by when something happened, so that the figures of a term that is over never change.

CREATE TABLE figure_concerns (
    concern       text        PRIMARY KEY,
    case_ref      text        NOT NULL,
    municipality  text        NOT NULL,
    unit          text,                               -- taken away when the child's address becomes protected
    for_whom      text        NOT NULL,
    registered_at timestamptz NOT NULL,
    acted_at      timestamptz
);
CREATE INDEX figure_concerns_registered ON figure_concerns (municipality, registered_at);
CREATE INDEX figure_concerns_acted ON figure_concerns (municipality, acted_at) WHERE acted_at IS NOT NULL;
CREATE INDEX figure_concerns_by_case ON figure_concerns (case_ref);
COMMENT ON TABLE figure_concerns IS 'From concern to first action. A case that was address-protected from the beginning is not counted.';

CREATE TABLE figure_measures (
    measure      text        PRIMARY KEY,
    case_ref     text        NOT NULL,
    municipality text        NOT NULL,
    unit         text,
    owner        text        NOT NULL,
    level        smallint    NOT NULL,
    planned_at   timestamptz NOT NULL,
    evaluate_by  timestamptz NOT NULL
);
CREATE INDEX figure_measures_planned ON figure_measures (municipality, planned_at);
CREATE INDEX figure_measures_by_case ON figure_measures (case_ref);
COMMENT ON TABLE figure_measures IS 'Measures that were put in, and when each is to be evaluated next.';

CREATE TABLE figure_evaluations (
    id           bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    case_ref     text        NOT NULL,
    municipality text        NOT NULL,
    unit         text,
    evaluated_at timestamptz NOT NULL,
    in_time      boolean     NOT NULL,
    effect       text        NOT NULL
);
CREATE INDEX figure_evaluations_at ON figure_evaluations (municipality, evaluated_at);
CREATE INDEX figure_evaluations_by_case ON figure_evaluations (case_ref);
COMMENT ON TABLE figure_evaluations IS 'Whether measures were evaluated in time, and what that showed.';
