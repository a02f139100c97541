-- By those of which unit a report is owed (seed rules 123, 127, 128, 135).

ALTER TABLE awaited_reports ADD COLUMN owing_unit text;
COMMENT ON COLUMN awaited_reports.owing_unit IS 'Whose people owe it, in the role; none: whoever has the role in the municipality.';
