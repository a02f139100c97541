-- Who is told that a meeting has another time must hear of it before they would come at the one that they know.

ALTER TABLE messages ADD COLUMN expected timestamptz;   -- when they would come, by what they were told before; of such a message only
