"""How each event of a consent or of an override changes the case's state: total, pure, the same at every replay (invariant 5)."""

from __future__ import annotations

from services.cases.domain.consent_lifecycles import CONSENT, OVERRIDE
from services.cases.domain.state import (
    CaseState,
    ConsentState,
    Grantor,
    OverrideState,
    RenewalState,
)
from shared.contracts import cases as events
from shared.contracts.codes import GrantorClass


def consents(state: CaseState, event: events.ConsentEvent) -> CaseState:
    """Return the case after an event of one of its consents; one that its table does not allow changes nothing."""
    present = state.consents.get(event.consent)
    status = CONSENT.after(None if present is None else present.status, event)
    if status is None:
        return state
    if isinstance(event, events.ConsentRequested):
        requested = ConsentState(
            ref=event.consent,
            version=event.version,
            status=status,
            scope=event.scope,
            valid_from=event.valid_from,
            valid_to=event.valid_to,
            needed=event.needed,
            answer_by=event.answer_by,
            guardians=frozenset(event.guardians) or None,
            daily_care=event.daily_care,
        )
        return _put(state, requested, heard=True)
    if present is None:
        return state
    return _put(
        state, _changed(_with(present, status=status), event), heard=isinstance(event, events.ConsentRenewalRequested)
    )


def overrides(state: CaseState, event: events.OverrideEvent) -> CaseState:
    """Return the case after an event of one of its overrides; one that its table does not allow changes nothing."""
    present = state.overrides.get(event.override)
    if isinstance(event, events.ConsentOverrideGuardiansInformed) and present is not None:
        # They may be told at any time, of what has ended too: it is no step of its life.
        told = present.model_copy(update={"guardians_informed": True})
        return state.model_copy(update={"overrides": {**state.overrides, event.override: told}})
    status = OVERRIDE.after(None if present is None else present.status, event)
    if status is None:
        return state
    if isinstance(event, events.ConsentOverridden):
        made = OverrideState(
            ref=event.override,
            basis=event.basis,
            reason=event.reason,
            scope=event.scope,
            valid_from=event.valid_from,
            valid_to=event.valid_to,
            made_by=event.made_by,
            not_heard=event.not_heard,
            review_by=event.review_by,
            guardians_informed=event.guardians_informed,
        )
        return _made(state, made)
    if present is None:
        return state
    changed = present.model_copy(update={"status": status})
    match event:
        case events.ConsentOverrideReviewed():
            informed = changed.guardians_informed or event.guardians_informed
            changed = changed.model_copy(update={"justified": event.justified, "guardians_informed": informed})
        case events.ConsentOverrideEnded():
            changed = changed.model_copy(update={"ended": True})
        case _:
            pass
    return state.model_copy(update={"overrides": {**state.overrides, event.override: changed}})


def _made(state: CaseState, made: OverrideState) -> CaseState:
    """Return the case with a new override: what the child was heard about before it is decided."""
    taken = frozenset({"consent", "concern-report"} if made.not_heard is None else set[str]()) & state.heard_before
    update: dict[str, object] = {
        "overrides": {**state.overrides, made.ref: made},
        "heard_before": state.heard_before - taken,
    }
    if made.not_for_guardians:
        update["heard_by_law"] = state.heard_by_law | taken
    return state.model_copy(update=update)


def entitled(grantor: Grantor, needed: dict[GrantorClass, int], guardians: frozenset[int]) -> bool:
    """Return whether `grantor` is among those who may answer."""
    kind, ordinal = grantor
    return needed.get(kind, 0) > 0 and (kind is not GrantorClass.GUARDIAN or ordinal in guardians)


def _put(state: CaseState, consent: ConsentState, *, heard: bool) -> CaseState:
    update: dict[str, object] = {"consents": {**state.consents, consent.ref: consent}}
    if heard:
        update["heard_before"] = state.heard_before - {"consent"}
        update["heard_by_law"] = state.heard_by_law - {"consent"}
    return state.model_copy(update=update)


def _changed(present: ConsentState, event: events.ConsentEvent) -> ConsentState:  # noqa: PLR0911 -- one line per event type
    match event:
        case events.ConsentGranted():
            return _renewal_granted(present, event) if event.renewal else _granted(present, event)
        case events.ConsentRefused():
            return _refused(present, event)
        case events.ConsentConfirmed():
            return _with(
                present,
                version=event.version,
                refused=frozenset(),
                confirm_by=None,
                reassessing=None,
            )
        case events.ConsentRenewalRequested():
            renewal = RenewalState(
                valid_to=event.valid_to,
                needed=event.needed,
                guardians=frozenset(event.guardians),
                answer_by=event.answer_by,
                held_by_unit=event.held_by_unit,
            )
            return _with(present, renewal=renewal)
        case events.ConsentReassessmentDue():
            return _reassessed(present, event)
        case events.ConsentExpiring():
            return _with(present, warned_of=event.valid_to)
        case _:
            return _ended(present, event)


def _ended(present: ConsentState, event: events.ConsentEvent) -> ConsentState:
    """Return the consent after something was taken away."""
    match event:
        case events.ConsentNarrowed():
            ended = present.ended | (present.scope.services - event.scope.services)
            return _with(present, version=event.version, scope=event.scope, ended=ended, taken=event.version)
        case events.ConsentWithdrawn():
            ended = present.ended | present.scope.services
            return _with(
                present,
                version=event.version,
                ended=ended,
                renewal=None,
                taken=event.version,
            )
        case events.ConsentSuspended():
            return _with(present, version=event.version, taken=event.version, confirm_by=None)
        case events.ConsentExpired():
            # A question about the next period may still be answered.
            return _with(present, version=event.version, taken=event.version, confirm_by=None)
        case events.ConsentLapsed():
            return _with(present, renewal=None) if event.renewal else present
        case _:
            return present


def _granted(present: ConsentState, event: events.ConsentGranted) -> ConsentState:
    grantor = (event.grantor, event.ordinal)
    given, refused = present.given | {grantor}, present.refused - {grantor}
    version = event.version if event.active else present.version
    return _with(present, version=version, given=given, refused=refused)


def _refused(present: ConsentState, event: events.ConsentRefused) -> ConsentState:
    if event.renewal:
        return _with(present, renewal=None)
    grantor = (event.grantor, event.ordinal)
    given, refused = present.given - {grantor}, present.refused | {grantor}
    return _with(present, given=given, refused=refused)


def _renewal_granted(present: ConsentState, event: events.ConsentGranted) -> ConsentState:
    if present.renewal is None:
        return present
    given = present.renewal.given | {(event.grantor, event.ordinal)}
    if not event.active:
        return _with(present, renewal=present.renewal.model_copy(update={"given": given}))
    return _with(
        present,
        version=event.version,
        scope=event.scope,
        valid_from=event.valid_from,
        valid_to=event.valid_to,
        needed=present.renewal.needed,
        guardians=present.renewal.guardians,
        given=given,
        refused=frozenset(),
        renewal=None,
        reassessing=None,
        confirm_by=None,
    )


def _reassessed(present: ConsentState, event: events.ConsentReassessmentDue) -> ConsentState:
    """Return the consent as those who may answer now have answered it; a question about the next period is to be asked anew."""
    guardians = frozenset(event.guardians)
    given = frozenset(one for one in present.given if not event.anew and entitled(one, event.needed, guardians))
    refused = frozenset(one for one in present.refused if entitled(one, event.needed, guardians))
    return _with(
        present,
        needed=event.needed,
        given=given,
        refused=refused,
        guardians=guardians,
        reassessing=event.reason,
        asked_for=present.asked_for | {event.reason},
        confirm_by=event.confirm_by,
        renewal=None,
    )


def _with(present: ConsentState, **changes: object) -> ConsentState:
    return present.model_copy(update=changes)
