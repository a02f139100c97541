-- Some seats are for one role only: a calendar at an address is read in the roles in which its owner was signed in then.

ALTER TABLE calendars ADD COLUMN roles text[] NOT NULL DEFAULT '{}';
COMMENT ON COLUMN calendars.roles IS 'Of an address made before this column there are none: it shows the seats that anybody takes.';
