-- For a guardian who has no parental responsibility any more no interpreter is ordered (seed rule 146); it may be had again.

ALTER TABLE interpreters ADD COLUMN met boolean NOT NULL DEFAULT true;
COMMENT ON COLUMN interpreters.met IS 'False while this guardian has no parental responsibility.';
