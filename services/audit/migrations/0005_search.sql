-- What a search goes by. Each index is read backwards from the newest entry; the time stands in it so that a period is judged
-- in the index, without looking at an entry. The planner is not given a choice that reads a whole log.

DROP INDEX entries_by_case, entries_by_actor, entries_by_time;
CREATE INDEX entries_by_case ON entries (log, case_ref, position, happened_at) WHERE case_ref IS NOT NULL;
CREATE INDEX entries_by_actor ON entries (log, actor, position, happened_at) WHERE actor IS NOT NULL;
-- Where a period begins and ends in a log, when neither a case nor an actor is named.
CREATE INDEX entries_by_time ON entries (log, happened_at, position);
-- Refusals are few and asked for often.
CREATE INDEX entries_refused ON entries (log, position, happened_at) WHERE permitted = false;
