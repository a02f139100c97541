"""Cases: concerns, cases and their holders, teams, measures, consents, handovers, transition forms, and the identity vault.

Publishes on `lagspill.cases.v1`, key = case. Takes in outcomes and discussions from meetings, and the receipts of those who acted
when a consent ended.

Holds, always:
- exactly one holder while a case is open; the sender holds on until the receiver has accepted (invariant 1);
- who is allowed what is judged on the state at that moment, and recorded before anything leaves; so is every denial;
- once a consent is withdrawn nothing permits by it: looks, handovers, memberships, in one append (invariant 4; seed rule 4);
- the state is the fold of the events (invariant 5), and no event holds a name, a number or a word of anybody's (invariant 8);
- a transition form is sent only in the very version that all guardians have approved (seed rule 14).
"""
