-- Where an address-protected case and its coordination are, is in the vault alone. What was handed over before that was kept as it is now
-- is settled from the journal: taking the coordination over wrote over where the baton is, and who coordinates was kept without a unit.
-- A fixed moment of the past: the rules' clock may be another than the machine's.

INSERT INTO deadlines (kind, key, due, payload)
SELECT 'settle-places', a.id, timestamptz '2026-01-01 00:00:00+01', '{}'
FROM aggregates a
WHERE a.kind = 'case' AND (a.state ->> 'address_protected')::boolean AND a.state ->> 'stage' <> 'erased'
ON CONFLICT (kind, key) DO NOTHING;
