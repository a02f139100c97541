-- What an arena has lifted, and whether it stands on an agenda of the one that it was lifted to (seed rules 68, 69).

CREATE TABLE lifted_items (
    nth          bigint  GENERATED ALWAYS AS IDENTITY,   -- in this order they are put on an agenda; no time stands here
    item         text    NOT NULL PRIMARY KEY,
    meeting      text    NOT NULL REFERENCES meetings,
    arena        text    NOT NULL REFERENCES arenas,     -- to which it was lifted
    case_ref     text,                                   -- of a named one
    placed_in    text    REFERENCES meetings,            -- none: it waits
    placed_as    text    UNIQUE,
    held_back    text,                                   -- the code of what kept it from the agenda that was last tried
    settled      boolean NOT NULL DEFAULT false,         -- discussed there, or taken off by somebody
    CHECK ((placed_in IS NULL) = (placed_as IS NULL))
);
CREATE INDEX lifted_items_waiting ON lifted_items (arena, nth) WHERE NOT settled;
CREATE INDEX lifted_items_by_case ON lifted_items (case_ref) WHERE NOT settled;
CREATE INDEX lifted_items_by_meeting ON lifted_items (placed_in) WHERE NOT settled;
COMMENT ON TABLE lifted_items IS 'Finds what was lifted and waits. Of an anonymous item it holds no more than its two agendas do.';
