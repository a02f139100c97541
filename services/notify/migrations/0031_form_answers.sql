-- Which versions of a transition form wait for nobody any more, or not for one guardian: no letter asks for what was answered.

CREATE TABLE form_answers (
    form    text    NOT NULL,
    version integer NOT NULL,
    ordinal integer NOT NULL,       -- which guardian has approved it; 0: nobody is asked to any more
    PRIMARY KEY (form, version, ordinal)
);
COMMENT ON TABLE form_answers IS 'What was answered of transition forms, by the events of the cases.';
