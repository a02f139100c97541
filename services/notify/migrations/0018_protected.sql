-- Of an address-protected case no event says whose leaders to tell: the cases service is asked, when they are told, whose duty it is.

ALTER TABLE errands ADD COLUMN services text[] NOT NULL DEFAULT '{}';       -- whose leaders; none: whoever has the duty
ALTER TABLE errands ADD COLUMN hides_case boolean NOT NULL DEFAULT false;   -- whether the message says no case
COMMENT ON TABLE errands IS
    'Somebody around a child, or on duty for a protected one, is to be told; who that is, the cases service says at that moment.';

CREATE TABLE cleared (
    recipient text PRIMARY KEY
);
COMMENT ON TABLE cleared IS 'Who has the clearance for address-protected cases, by the token in which they last chose how to be reached.';

ALTER TABLE requests ADD COLUMN protected_case text;                        -- null but in the log of a protected case, whose name says as much
