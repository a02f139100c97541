-- By which names people are known, while the key that makes the names changes: a person keeps the reference that was given first,
-- in events and in the log for ever, and is found by what the present key makes of the same number or subject.

CREATE TABLE actor_names (
    alias    text PRIMARY KEY,                         -- what the key makes of a person
    actor    text NOT NULL,                            -- the reference that the person was given first
    key_mark text NOT NULL                             -- names the key, and tells nothing of it
);
CREATE INDEX actor_names_by_actor ON actor_names (actor, key_mark);
COMMENT ON TABLE actor_names IS 'Two opaque references of one person. Who the person is takes the key, and a number to try.';
