"""Whether somebody may do something with a case now: the table (`access_table.py`), and what basis and moment make of it.

A relation is never a setting; it follows from the state at that moment (`relations.py`), and what is shown from the relation
(`shown.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from pydantic import JsonValue

from services.cases.domain.access_table import MOMENTS, NARROW, OPEN_ONLY, TABLE, WORKING_PURPOSES
from services.cases.domain.access_terms import Action, Relation
from services.cases.domain.acting import Acting
from services.cases.domain.relations import relations
from services.cases.domain.shown import Permit, permitted, united
from services.cases.domain.state import OPEN_HANDOVER, CaseState, ConsentStatus, HandoverStatus, Stage
from services.cases.errors import CaseNotOpenError, NotInvolvedError, NotPermittedError, PurposeNotCoveredError
from shared.contracts.codes import GrantorClass, Purpose

HANDS_ON = frozenset({Action.SEND_HANDOVER, Action.WITHDRAW_HANDOVER})
"""What somebody may do with the case of their own child that fell to them at work (forvaltningsloven § 6): give it to another."""
_HOLDS = frozenset({Relation.HOLDER, Relation.HOLDER_ELSEWHERE})


def permit(state: CaseState, action: Action, acting: Acting, now: datetime, purpose: Purpose | None = None) -> Permit:
    """Return what `acting` may see when doing `action` at `now`; of several grounds, the one that reaches furthest.

    Args:
        state: the case.
        action: what is to be done.
        acting: who wants to.
        now: the moment at which the basis must stand.
        purpose: what a look at content is for (fvl § 13 b no. 2: used for what it was given for); `IMPLIED` when not said.

    Raises:
        NotInvolvedError: the actor is nothing to this case, and is told as little as if it did not exist.
        NotPermittedError: the actor has a part in it, which does not include this.
        PurposeNotCoveredError: it does, but not for `purpose`; the error says for what, and who could grant it (seed rule 106).
    """
    held = relations(state, acting, now)
    if not held:
        raise NotInvolvedError(_why_not(state, acting, now))
    reaching = [relation for relation in held if _opens(relation, action, acting)]
    if not reaching and set(held) <= NARROW:
        raise NotInvolvedError(_why_not(state, acting, now))
    if not reaching:
        raise NotPermittedError(_why_not_that(held, action, acting))
    permits = [permitted(state, relation, TABLE[relation][action], acting, now, purpose) for relation in reaching]
    if purpose is not None:
        if all(one.purpose not in {None, purpose} for one in permits):
            raise _not_for_that(state, permits[0], acting, purpose, now)
        permits = [one for one in permits if one.purpose in {None, purpose}]
    permits += united(permits)
    furthest = max(permits, key=lambda one: len(one.categories))
    own = frozenset[str]().union(*(one.own for one in permits))
    return furthest if own == furthest.own else furthest.model_copy(update={"own": own})


def require(
    state: CaseState,
    action: Action,
    acting: Acting,
    now: datetime,
    *,
    stages: frozenset[Stage] | None = None,
) -> Permit:
    """Return the permit for `action` at a stage of the case at which it may be done (`MOMENTS`): most take an open one.

    `stages` are others, where what is done decides it.

    Raises:
        NotInvolvedError, NotPermittedError: as `permit`.
        CaseNotOpenError: it may be done by this actor, but not now.
    """
    allowed = permit(state, action, acting, now)
    if state.stage not in (stages or MOMENTS.get(action, OPEN_ONLY)):
        raise CaseNotOpenError
    return allowed


def allows(state: CaseState, action: Action, acting: Acting, now: datetime) -> bool:
    """Return whether the table lets `acting` do `action`, where that decides which rule goes on."""
    return any(_opens(relation, action, acting) for relation in relations(state, acting, now))


def _opens(relation: Relation, action: Action, acting: Acting) -> bool:
    """Return whether the table lets somebody in this relation do it; who is of the family only hands the baton on."""
    disqualified = acting.own_family and relation in _HOLDS and action not in HANDS_ON
    return action in TABLE[relation] and not disqualified


def _why_not_that(held: Sequence[Relation], action: Action, acting: Acting) -> str:
    """Say, for the record only, why somebody with a part in the case may not do that."""
    if acting.own_family:
        return "own-family"
    moved = Relation.HOLDER_ELSEWHERE in held
    by_the_baton = action in TABLE[Relation.HOLDER] or action in TABLE[Relation.LAST_HOLDER]
    return "works-elsewhere" if moved and by_the_baton else "not-in-table"


def _not_for_that(
    state: CaseState, allowed: Permit, acting: Acting, purpose: Purpose, now: datetime
) -> PurposeNotCoveredError:
    by_consent = allowed.consent is not None and acting.service is not None
    covered = state.consented_purposes(now, acting.service) if by_consent and acting.service else WORKING_PURPOSES
    grantors: dict[str, JsonValue] = {GrantorClass.GUARDIAN.value: state.guardians}
    if state.of_age:
        grantors = {GrantorClass.CHILD.value: 1}
    return PurposeNotCoveredError(
        extensions={
            "services": [] if acting.service is None else [acting.service.value],
            "purposes": [purpose.value],
            "covered": [one.value for one in sorted(covered)],
            "grantors": grantors if by_consent else {},
        }
    )


def _why_not(state: CaseState, acting: Acting, now: datetime) -> str:
    """Say, for the record only, whether a basis has ended or there never was one."""
    if acting.own_family or acting.barred_by_age:
        return "own-family" if acting.own_family else "barred-by-age"
    service = acting.service
    if service is not None and acting.role is not None:
        consents = state.consents.values()
        if any(service in consent.ended for consent in consents if consent.is_here):
            return "consent-withdrawn"
        if any(one.status is ConsentStatus.SUSPENDED and one.covers(service) for one in consents):
            return "consent-suspended"
        usable = {ConsentStatus.ACTIVE, ConsentStatus.EXPIRED}
        over = [one for one in consents if one.status in usable and one not in state.consents_in_force(now)]
        if any(one.covers(service) for one in over):
            return "consent-expired"
    closed = [one for one in state.handovers.values() if one.status not in OPEN_HANDOVER | {HandoverStatus.PROPOSED}]
    if any(one.receiver.actor == acting.actor for one in closed):
        return "handover-ended"
    return "no-relation"
