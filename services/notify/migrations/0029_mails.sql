-- By which name (Message-ID) a message was mailed, alone or in a digest: a mail that comes back later says no more of it.

ALTER TABLE tries ADD COLUMN mail text;
CREATE INDEX tries_by_mail ON tries (mail) WHERE mail IS NOT NULL;
