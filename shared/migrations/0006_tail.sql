-- Which event an aggregate's state ends with: a state that a process remembers is the stored one only if both are the same,
-- also after a failover that lost the last commits and let others take their versions.
ALTER TABLE aggregates ADD COLUMN tail uuid;
UPDATE aggregates SET tail = events.event_id FROM events WHERE (events.aggregate, events.version) = (aggregates.id, aggregates.version);
ALTER TABLE aggregates ALTER COLUMN tail SET NOT NULL;
