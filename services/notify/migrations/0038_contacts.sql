-- Who is mailed about a subscription is said for each, and no longer once for all of a client.

ALTER TABLE subscriptions ADD COLUMN contact text;      -- null: the owner's address, as it was said for all of them before
ALTER TABLE messages ADD COLUMN subscription text;      -- which one it is about: it goes to the contact of that
