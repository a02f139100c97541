-- In which languages a case's family is spoken with through an interpreter (seed rule 146): codes, and nothing of who it is.

CREATE TABLE interpreters (
    case_ref text     NOT NULL,
    person   text     NOT NULL,                      -- guardian or child
    ordinal  smallint NOT NULL,
    language text     NOT NULL,                      -- BCP 47; `und` where it is not published
    PRIMARY KEY (case_ref, person, ordinal)
);
COMMENT ON TABLE interpreters IS 'Projection of the cases service: who needs an interpreter when they are met.';
