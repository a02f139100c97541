-- As which items something that was lifted stood on agendas before the one on which it stands now: recorded afterwards as discussed
-- there, it is taken off the later agenda too (seed rules 68, 69).

ALTER TABLE lifted_items ADD COLUMN stood_as text[] NOT NULL DEFAULT '{}';
