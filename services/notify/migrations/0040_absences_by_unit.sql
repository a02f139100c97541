-- From which unit somebody is away or has left: they may work in another. It falls to the leader of that very unit.

ALTER TABLE absences ADD COLUMN unit text;
UPDATE absences SET unit = falls_to::jsonb ->> 'unit';
COMMENT ON COLUMN absences.unit IS 'Who stands in does so there, and nowhere else.';
