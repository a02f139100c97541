-- Who coordinates which case: when somebody leaves, the coordination may not stay with them either (seed rule 107).

ALTER TABLE case_index ADD COLUMN coordinators text[] NOT NULL DEFAULT '{}';
UPDATE case_index i
SET coordinators = ARRAY(
    SELECT one.value -> 'party' ->> 'actor' FROM jsonb_each(a.state -> 'around' -> 'coordinators') one
    UNION
    SELECT one.value -> 'coordinator' ->> 'actor' FROM jsonb_each(a.state -> 'around' -> 'plans') one
    WHERE one.value ->> 'status' <> 'closed' AND one.value -> 'coordinator' ->> 'actor' IS NOT NULL
)
FROM aggregates a
WHERE a.id = i.case_ref;
CREATE INDEX case_index_by_coordinator ON case_index USING gin (coordinators);
COMMENT ON COLUMN case_index.coordinators IS 'Of the group and of the child: appointed, or whoever began the plan.';
