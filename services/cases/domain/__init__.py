"""The case, decided purely: one aggregate, one version, one file per part of it.

`state.py` holds the state and `evolve`; the other modules hold commands and `decide_*` functions, which take the state, a
command and the moment and return events, or raise a `CaseError`. Concerns, consents, handovers, measures and transition
forms live in one state because the rules span them: a handover sent while a consent is being withdrawn must not slip
through. Nothing here does input or output, and nothing here knows a name.
"""
