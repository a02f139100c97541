-- What waits again keeps as which item it stood on an agenda: recorded afterwards as discussed there, it comes no more (seed rules
-- 68, 69). And what was lifted twice may stand there as one item.

ALTER TABLE lifted_items DROP CONSTRAINT lifted_items_check;
ALTER TABLE lifted_items ADD CONSTRAINT lifted_items_placed CHECK (placed_in IS NULL OR placed_as IS NOT NULL);
ALTER TABLE lifted_items DROP CONSTRAINT lifted_items_placed_as_key;
CREATE INDEX lifted_items_by_placed_as ON lifted_items (placed_as) WHERE NOT settled;
