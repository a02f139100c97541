"""The audit service: the confidentiality log, one RFC 6962 log for each municipality.

It owns the logs and nothing else. It takes every record of every topic, as the exact bytes they are, and publishes on
`lagspill.audit.v1` what it signed and what it found wrong.

What holds at every moment: an entry is added once and never changed; a log's positions have no gap; for each size there is
at most one checkpoint, and every checkpoint is a continuation of the one before; a record that was taken is in a log,
whatever its bytes; nobody is answered about an entry before that look is committed to become an entry itself.
"""
