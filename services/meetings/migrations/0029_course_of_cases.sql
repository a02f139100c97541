-- Where a case was since when, and whether it was closed because it goes on elsewhere.

ALTER TABLE cases
    ADD COLUMN stays     jsonb   NOT NULL DEFAULT '[]',
    ADD COLUMN elsewhere boolean NOT NULL DEFAULT false;
-- Which of those that are closed already went elsewhere was not noted. Nothing of them is shown, unless one is opened again.
UPDATE cases SET elsewhere = true WHERE NOT open;
COMMENT ON COLUMN cases.stays IS 'Which unit had it from when, open; a unit of null: closed, or with none that is known. It only grows.';
COMMENT ON COLUMN cases.elsewhere IS 'Closed because it moved: it is nobody''s here any more.';
