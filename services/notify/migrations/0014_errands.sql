-- Guardians are told of more than consents: of a form that waits for their approval there is no consent, and no day.

ALTER TABLE errands ALTER COLUMN consent DROP NOT NULL;
ALTER TABLE errands ALTER COLUMN deadline DROP NOT NULL;
ALTER TABLE errands ALTER COLUMN due DROP NOT NULL;
