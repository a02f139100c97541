-- Address protection is the child's since it holds in all of its cases; what was set in one of them before is followed by the others,
-- as if it were set now. A fixed moment of the past: the rules' clock may be another than the machine's.

INSERT INTO deadlines (kind, key, due, payload)
SELECT DISTINCT 'child-protection', other.owner, timestamptz '2026-01-01 00:00:00+01',
    '{"kind": "strictly-confidential", "valid_to": null, "lifted": false}'
FROM lookups known
JOIN aggregates a ON a.id = known.owner AND a.kind = 'case'
JOIN lookups other ON other.kind = known.kind AND other.hash = known.hash AND other.owner <> known.owner
JOIN aggregates b ON b.id = other.owner AND b.kind = 'case'
WHERE known.kind = 'national-number'
    AND (a.state ->> 'address_protected')::boolean
    AND NOT coalesce((a.state ->> 'protection_lifted')::boolean, false)
    AND NOT coalesce((b.state ->> 'address_protected')::boolean, false)
ON CONFLICT (kind, key) DO NOTHING;
