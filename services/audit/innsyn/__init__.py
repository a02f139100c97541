"""The innsyn report: who has seen our child (pasientjournalloven § 22 a, GDPR art. 15, CJEU C-579/21).

A guardian, or a child that is old enough, is told of every reading and disclosure of the case's content that the log holds: when,
to which organisation, service and role, on which basis, for what, until when, and which kinds of information. What was refused is
the privacy officer's; what concerns the rest of the family is theirs; of an address-protected case nothing tells where it is.

Who may ask is the cases service's word, each time anew. The report is made from the log as one checkpoint has it, so it can be
made again, and each look at it is committed as an entry before anything is answered.
"""
