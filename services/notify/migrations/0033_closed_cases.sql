-- Which cases are closed: in these nobody is asked anything any more.

CREATE TABLE closed_cases (
    case_ref text PRIMARY KEY
);
COMMENT ON TABLE closed_cases IS 'The cases that are closed, and not reopened since.';
