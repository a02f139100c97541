-- Which meetings a child's family is invited to: told in its own view of the case (seed rules 12, 73, 101). When a meeting is held or off,
-- or the case is erased, nothing of it is left here.

CREATE TABLE meetings_to_come (
    meeting text PRIMARY KEY,
    starts_at timestamptz NOT NULL
);
COMMENT ON TABLE meetings_to_come IS 'Called, and neither held nor cancelled.';

CREATE TABLE items_to_come (
    item text PRIMARY KEY,
    meeting text NOT NULL,
    case_ref text NOT NULL,
    consent text,
    family text[] NOT NULL,
    accepted boolean NOT NULL DEFAULT false
);
COMMENT ON TABLE items_to_come IS 'Items by name on their agendas.';
COMMENT ON COLUMN items_to_come.family IS 'As whom the child''s family is invited.';
COMMENT ON COLUMN items_to_come.accepted IS 'It is on the agenda; before that it is proposed, and there may be no meeting about the child.';
CREATE INDEX items_to_come_by_case ON items_to_come (case_ref);
CREATE INDEX items_to_come_by_meeting ON items_to_come (meeting);
