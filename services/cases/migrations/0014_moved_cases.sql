-- To which municipality a handover goes that waits for an answer there: only its receiver and the receiver's leader may meet the case.

ALTER TABLE case_index ADD COLUMN receiver_municipality text;
COMMENT ON COLUMN case_index.receiver_municipality IS 'Null unless a handover out of the municipality waits for an answer.';
