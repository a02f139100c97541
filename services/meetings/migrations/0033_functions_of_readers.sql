-- Some seats are for a function that somebody has beside their role: a calendar at an address is read as whom its owner was then.

ALTER TABLE calendars ADD COLUMN functions text[] NOT NULL DEFAULT '{}';
COMMENT ON COLUMN calendars.functions IS 'Of an address made before this column there are none.';
