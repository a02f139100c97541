"""Asking for consent, answering it, ending it, and what became of that."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from services.cases import store
from services.cases.domain import consent as consents
from services.cases.domain import renewal as renewals
from services.cases.domain.access_terms import Action
from services.cases.domain.acting import Acting
from services.cases.domain.consent import Part
from services.cases.domain.consent_ending import RECEIPTS_FROM
from services.cases.domain.family import FamilyRead
from services.cases.domain.grantors import Care, Standing, age_on
from services.cases.domain.relations import answers_for_itself
from services.cases.domain.state import CaseState
from services.cases.domain.told import mine
from services.cases.errors import UnknownPartError
from services.cases.handlers.desk import CASE, Desk, Keep, change, glance, meet, permitted
from services.cases.handlers.reassess import standing_of
from services.cases.records import Said
from services.cases.views import ConsentView, ReceiptsView, ReceiptView, told_views
from shared.aggregate import Answer, Changed, Context
from shared.calendar import add_days
from shared.clock import oslo_day
from shared.contracts.cases import CaseEvent, EvidenceForm
from shared.contracts.codes import GrantorClass, Scope
from shared.journal import ContendedError
from shared.refs import CaseRef, ConsentRef, DocumentRef
from shared.web import answer

READINGS: Final = 10
"""How often the family is read again because it changed meanwhile, before it is given up."""


@dataclass(frozen=True)
class Given:
    """An answer as it came in: nothing but the fact when signed in, otherwise from whom, in which form, and a note."""

    grantor: GrantorClass
    ordinal: int | None
    evidence: EvidenceForm
    note: str | None


@dataclass(frozen=True)
class Asked:
    """Whom a request goes to, in which languages, and until when they have time."""

    needed: dict[GrantorClass, int]
    standing: Standing
    languages: frozenset[str]
    answer_by: datetime
    hears: bool
    """Whether the child is heard before it (seed rule 99)."""
    family: FamilyRead
    """What all of it rests on."""


class _ReadTooEarlyError(Exception):
    """Who has the say over the child is not any more as it was read."""


async def request_consent(
    desk: Desk, ctx: Context, case: CaseRef, *, scope: Scope, valid_to: date, care: Care
) -> Changed[CaseState]:
    """Ask for consent; who must grant follows from the child's age, which stays here (seed rules 4, 99)."""
    located, acting = await meet(desk, ctx, case)
    await permitted(desk, ctx, located, acting, Action.REQUEST_CONSENT)
    consent = ConsentRef(desk.ids.ref("cst"))
    if scope.municipality == located.municipality:
        scope = scope.model_copy(update={"municipality": None})

    def decide(state: CaseState, asked: Asked) -> list[CaseEvent]:
        command = consents.RequestConsent(
            by=acting,
            consent=consent,
            scope=scope,
            valid_to=valid_to,
            needed=asked.needed,
            languages=asked.languages,
            guardians=asked.standing.guardians,
            answer_by=asked.answer_by,
            daily_care=care is Care.DAILY,
            hears=asked.hears,
        )
        return consents.decide_request(state, command, ctx.now, desk.rules)

    return await _ask(
        desk,
        ctx,
        located.case,
        lambda: _asked(desk, ctx, located.case, scope, care),
        decide,
        lambda state, version: answer(
            ConsentView.of(state, consent), status=201, version=version, location=f"/consents/{consent}"
        ),
    )


async def renew_consent(desk: Desk, ctx: Context, consent: ConsentRef, *, valid_to: date) -> Changed[CaseState]:
    """Ask for the same until a later day; who must grant is judged anew (seed rules 4, 99)."""
    located, acting = await meet(desk, ctx, consent)
    await permitted(desk, ctx, located, acting, Action.REQUEST_CONSENT)
    present = (await desk.journal.load(CASE, located.case)).state.consents.get(consent)
    if present is None:
        raise UnknownPartError
    care = Care.DAILY if present.daily_care else Care.ORDINARY
    # A narrowing meanwhile only makes fewer necessary; the renewal itself takes the scope as it is when all have granted.

    def decide(state: CaseState, asked: Asked) -> list[CaseEvent]:
        command = renewals.RenewConsent(
            by=acting,
            consent=consent,
            valid_to=valid_to,
            needed=asked.needed,
            guardians=asked.standing.guardians,
            languages=asked.languages,
            answer_by=asked.answer_by,
            hears=asked.hears,
        )
        return renewals.decide_renew(state, command, ctx.now)

    return await _ask(
        desk,
        ctx,
        located.case,
        lambda: _asked(desk, ctx, located.case, present.scope, care),
        decide,
        lambda state, version: answer(ConsentView.of(state, consent), status=201, version=version),
    )


async def _asked(desk: Desk, ctx: Context, case: CaseRef, scope: Scope, care: Care) -> Asked:
    day = oslo_day(ctx.now)
    async with desk.pool.acquire() as conn:
        # The state first: what is read after it is as new or newer, and what moved between the two is found when it is decided.
        state = (await desk.journal.load(CASE, case, conn=conn)).state
        child = await desk.records.child(conn, case)
        guardians = await desk.records.guardians_on(conn, case, day)
        standing = await standing_of(conn, case, state, ctx.now)
    rules = desk.rules.consent
    return Asked(
        needed=rules.needed(born=child.born, day=day, scope=scope, standing=standing, care=care),
        standing=standing,
        languages=frozenset(guardian.language.value for guardian in guardians),
        answer_by=add_days(ctx.now, rules.time(day).answer_within_days),
        hears=desk.team.hearing.asks_before_consent(age_on(child.born, day), day),
        family=FamilyRead.of(state),
    )


async def _ask(
    desk: Desk,
    ctx: Context,
    case: CaseRef,
    read: Callable[[], Awaitable[Asked]],
    decide: Callable[[CaseState, Asked], Sequence[CaseEvent]],
    told: Callable[[CaseState, int], Answer],
) -> Changed[CaseState]:
    """Decide by what the vault says of the family, and read it again when the family has changed since.

    Whoever got the say over the child in between is asked too: a consent that was requested without them would be granted
    without them, and nobody would ask anew (seed rule 4).

    Raises:
        ContendedError: the family changed ten times in a row.
    """
    for _ in range(READINGS):
        asked = await read()

        def decide_now(state: CaseState, asked: Asked = asked) -> Sequence[CaseEvent]:
            if FamilyRead.of(state) != asked.family:
                raise _ReadTooEarlyError
            return decide(state, asked)

        try:
            return await change(desk, ctx, case, decide_now, told)
        except _ReadTooEarlyError:
            continue
    raise ContendedError


async def grant_consent(desk: Desk, ctx: Context, consent: ConsentRef, given: Given) -> Changed[CaseState]:
    """Take one grant (seed rule 4)."""
    located, acting = await meet(desk, ctx, consent)
    command = await _answer(desk, located.case, acting, consent, given)
    return await change(
        desk,
        ctx,
        located.case,
        lambda state: consents.decide_grant(state, command, ctx.now, desk.rules),
        lambda state, version: answer(ConsentView.of(state, consent), status=201, version=version),
        _evidence(desk, ctx, located.case, consent, command, given),
    )


async def refuse_consent(desk: Desk, ctx: Context, consent: ConsentRef, given: Given) -> Changed[CaseState]:
    """Take a no."""
    located, acting = await meet(desk, ctx, consent)
    command = await _answer(desk, located.case, acting, consent, given)
    return await change(
        desk,
        ctx,
        located.case,
        lambda state: consents.decide_refuse(state, command, ctx.now),
        lambda state, version: answer(ConsentView.of(state, consent), status=201, version=version),
        _evidence(desk, ctx, located.case, consent, command, given),
    )


async def withdraw_consent(
    desk: Desk, ctx: Context, consent: ConsentRef, given: Given, part: Part
) -> Changed[CaseState]:
    """End a consent or a part of it at once, with all that rested on it (pbrl § 4-1; GDPR art. 7)."""
    located, acting = await meet(desk, ctx, consent)
    base = await _answer(desk, located.case, acting, consent, given)
    command = consents.WithdrawConsent(
        by=acting,
        consent=consent,
        grantor=base.grantor,
        ordinal=base.ordinal,
        evidence=base.evidence,
        has_note=base.has_note,
        note=base.note,
        part=part,
    )
    return await change(
        desk,
        ctx,
        located.case,
        lambda state: consents.decide_withdraw(state, command, ctx.now),
        lambda state, version: answer(ConsentView.of(state, consent), status=201, version=version),
        _evidence(desk, ctx, located.case, consent, command, given),
    )


async def list_consents(desk: Desk, ctx: Context, case: CaseRef) -> tuple[list[ConsentView], int]:
    """Return the case's consents, recorded as a look at them, and the case's version."""
    located, acting = await meet(desk, ctx, case)
    looked = await glance(desk, ctx, located, acting, Action.SEE_CONSENTS)
    return [ConsentView.of(looked.state, ref) for ref in looked.state.consents], looked.version


async def read_consent(desk: Desk, ctx: Context, consent: ConsentRef) -> tuple[ConsentView, int]:
    """Return one consent, recorded as a look at it, and the case's version."""
    located, acting = await meet(desk, ctx, consent)
    looked = await glance(desk, ctx, located, acting, Action.SEE_CONSENTS)
    return ConsentView.of(looked.state, consent), looked.version


async def read_receipts(desk: Desk, ctx: Context, consent: ConsentRef) -> tuple[ReceiptsView, int]:
    """Return who has acted on a change of this consent, and who had been told what before, with the case's version."""
    located, acting = await meet(desk, ctx, consent)
    looked = await glance(desk, ctx, located, acting, Action.SEE_RECEIPTS)
    present = looked.state.consents.get(consent)
    if present is None:
        raise UnknownPartError
    async with desk.pool.acquire() as conn:
        received = await store.receipts(conn, consent)
        told = await store.disclosures(conn, located.case)
    acted = {receipt.consumer for receipt in received if receipt.version >= present.taken}
    view = ReceiptsView(
        consent=consent,
        version=present.version,
        status=present.status,
        receipts=tuple(
            ReceiptView(version=one.version, consumer=one.consumer, received_at=one.received_at) for one in received
        ),
        awaited=tuple(sorted(RECEIPTS_FROM - acted)) if present.taken else (),
        already_told=told_views((one for one in told if one.consent == consent), looked.state, acting),
    )
    return view, looked.version


async def _answer(desk: Desk, case: CaseRef, acting: Acting, consent: ConsentRef, given: Given) -> consents.Answer:
    signed_in = answers_for_itself((await desk.journal.load(CASE, case)).state, acting)
    noted = bool(given.note)
    return consents.Answer(
        by=acting,
        consent=consent,
        grantor=given.grantor,
        ordinal=given.ordinal,
        evidence=EvidenceForm.E_ID if signed_in else given.evidence,
        has_note=noted,
        note=DocumentRef(desk.ids.ref("doc")) if noted else None,
    )


def _evidence(
    desk: Desk, ctx: Context, case: CaseRef, consent: ConsentRef, command: consents.Answer, given: Given
) -> Keep | None:
    """Return what keeps the note of how it was given, or taken back, and by whom; nothing when there is none."""
    note, ref = given.note, command.note
    if not note or ref is None:
        return None
    said = said_by(command.by, given, ctx.now, signed_in=command.evidence is EvidenceForm.E_ID)
    return lambda conn: desk.records.keep_evidence(conn, case, consent, ref, note, said)


def said_by_family(by: Acting, grantor: GrantorClass, at: datetime) -> Said:
    """Return whose wish it is. Recorded for the guardians it is not asked which of them, and it is said of none."""
    whose = mine(by) if by.guardian is not None or by.child else (grantor, 1 if grantor is GrantorClass.CHILD else 0)
    return Said(grantor=whose[0], ordinal=whose[1], at=at)


def said_by(by: Acting, given: Given, at: datetime, *, signed_in: bool) -> Said:
    """Return whose answer it is: the vault's word for one of the family who is signed in, otherwise what the record says."""
    if by.guardian is not None or by.child:
        grantor, ordinal = mine(by)
    elif signed_in:
        grantor, ordinal = GrantorClass.CHILD_WELFARE, 1
    else:
        grantor, ordinal = given.grantor, given.ordinal or 0
    return Said(grantor=grantor, ordinal=ordinal, at=at)
