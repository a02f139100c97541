"""Notify: who is told what, when, in which language, on which channel; and what must be done by when.

Owns deadlines (a promise to remind, to say that time is out, to escalate), messages with their delivery, and everybody's own
preferences. Publishes on `lagspill.notify.v1`; reads `lagspill.cases.v1` and `lagspill.meetings.v1`.

Invariants:
- Each step of a deadline is told once, whatever is delivered twice, replayed or restarted.
- No event, mail or row holds a name or a word about a child. A mail says that there is something to read, and nothing more.
- Where a guardian can be reached is asked of the cases service at the moment of sending, which records that; it is not stored.
- Of an address-protected case nothing here names a unit: whose duty it is, is asked of the cases service when they are told.
- What asks something of a leader or privacy officer whom nobody knows yet waits for one; it is lost to nobody.
- Nobody is reminded of what is done: a deadline fires only while this service's picture of the cases is fresh.
"""
