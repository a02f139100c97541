"""The log without its database: notes, checkpoints, tiles, proofs, what an entry is indexed by, how a log grows."""
