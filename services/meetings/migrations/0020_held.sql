-- How a held meeting kept to its arena's rules (seed rules 54, 59-61): minutes, services, kinds of items and codes; no case, no person.
-- Meetings held before this have none: nothing is said of them.

ALTER TABLE meetings ADD COLUMN held jsonb;
COMMENT ON COLUMN meetings.held IS 'Facts of a held meeting, for the reports; written with the aggregate.';
