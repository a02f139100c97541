-- A header's name is bytes too: a text cannot hold a NUL, and a record that cannot be parked holds up its partition for ever.
ALTER TABLE dead_letters ADD COLUMN names bytea[];
UPDATE dead_letters SET names = array(
    SELECT convert_to(name, 'UTF8') FROM unnest(header_names) WITH ORDINALITY AS t (name, nth) ORDER BY nth
);
ALTER TABLE dead_letters ALTER COLUMN names SET NOT NULL;
ALTER TABLE dead_letters DROP COLUMN header_names;
ALTER TABLE dead_letters RENAME COLUMN names TO header_names;
