-- The clearance for address-protected cases is one municipality's: who is cleared in one is told of none in another.

ALTER TABLE duties ADD COLUMN cleared boolean NOT NULL DEFAULT false;
-- Of who works in several it is not known where; they are known to be cleared when they look the next time.
UPDATE duties SET cleared = true WHERE recipient IN (SELECT recipient FROM cleared)
   AND recipient IN (SELECT recipient FROM duties GROUP BY recipient HAVING count(DISTINCT scope) = 1);
COMMENT ON TABLE cleared IS 'Written by versions before this one, and read by none since: see duties.';
