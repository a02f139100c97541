-- Who is of the family is said to the other services under a key of names: under which one, and who was recorded as it by mistake.

ALTER TABLE kin ADD COLUMN told_under text;
COMMENT ON COLUMN kin.told_under IS 'The mark of the key of names under which the case''s events say it; none: they do not yet.';
ALTER TABLE kin ADD COLUMN mistaken boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN kin.mistaken IS 'Never was a guardian: what ended had been recorded wrongly.';
CREATE INDEX kin_by_key ON kin (told_under, case_ref);
