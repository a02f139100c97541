-- Whether an absence has begun: what is given to somebody by the clock of before that moment is given to nobody who is there any more.

ALTER TABLE absences ADD COLUMN begun boolean NOT NULL DEFAULT false;
UPDATE absences b SET begun = true FROM aggregates a WHERE a.id = b.absence AND a.state ->> 'status' = 'begun';
COMMENT ON COLUMN absences.begun IS 'What rested with the person has fallen to another, and what waited for them is cancelled.';
