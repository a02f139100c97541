-- What waits for the leader of a barnehage or school says as which service they are told: a consent that ends for the service takes it
-- back, before they are known and after.

ALTER TABLE errands ADD COLUMN places text[] NOT NULL DEFAULT '{}';  -- whose leaders are not known, as 'service/unit'
