"""Meetings: arenas and their rules, meetings, agendas, attendance, outcomes, minutes.

Publishes on `lagspill.meetings.v1`. Texts are in the vault, under the meeting; none is ever on the bus.

Holds, always:
- a child is discussed by name only with a basis in force at that moment for every service that stays (seed rules 2, 4);
- an anonymous item leads to no case and to nobody, by no event, key, header, row or identifier (invariant 3);
- once a withdrawal has been read, no answer is "yes" again (invariant 4); when it cannot be known, the answer is 503.
"""
