-- Which reference a unit's register has; what it records is counts and days, in the aggregate.

CREATE TABLE unit_registers (
    register     text NOT NULL PRIMARY KEY,
    municipality text NOT NULL,
    unit         text NOT NULL,
    UNIQUE (municipality, unit)
);
COMMENT ON TABLE unit_registers IS 'Finds a unit''s register; the register itself is an aggregate.';
