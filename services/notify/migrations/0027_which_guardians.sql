-- Of several guardians only some are told: nobody is reminded of what they have done.

ALTER TABLE errands ADD COLUMN ordinals integer[] NOT NULL DEFAULT '{}';               -- empty: all of them
