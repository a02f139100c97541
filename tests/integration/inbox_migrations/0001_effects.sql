-- What the handlers of the inbox suites do: one row for each effect, so that a lost or a doubled one is seen.
CREATE TABLE effects (
    nth      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    event_id uuid NOT NULL,
    key      text NOT NULL,
    n        bigint NOT NULL,
    process  text NOT NULL DEFAULT current_setting('application_name')
);
