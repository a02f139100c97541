"""Asking for consent, answering it, ending it, and what became of that."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from services.cases import store
from services.cases.domain import consent as consents
from services.cases.domain.access import Action
from services.cases.domain.acting import Acting
from services.cases.domain.consent import Part
from services.cases.domain.rules import CONSENT
from services.cases.domain.state import CaseState, ConsentStatus
from services.cases.errors import UnknownPartError
from services.cases.handlers.desk import Desk, Keep, change, glance, meet
from services.cases.views import ConsentView, ReceiptsView, ReceiptView, SharingView, ToldView
from shared.aggregate import Changed, Context
from shared.clock import oslo_day
from shared.contracts.cases import EvidenceForm
from shared.contracts.codes import GrantorClass, InformationCategory, Purpose, Scope, Service
from shared.refs import CaseRef, ConsentRef
from shared.web import answer


@dataclass(frozen=True)
class Given:
    """An answer as it came in: nothing but the fact when signed in, otherwise from whom, in which form, and a note."""

    grantor: GrantorClass
    ordinal: int | None
    evidence: EvidenceForm
    note: str | None


async def request_consent(
    desk: Desk, ctx: Context, case: CaseRef, *, scope: Scope, valid_to: date
) -> Changed[CaseState]:
    """Ask for consent; who must grant follows from the child's age, which stays here (seed rules 4, 99)."""
    located, acting = await meet(desk, ctx, case)
    async with desk.pool.acquire() as conn:
        child = await desk.records.child(conn, located.case)
        guardians = await desk.records.guardians_on(conn, located.case, oslo_day(ctx.now))
    needed = desk.rules.needed_grantors(
        born=child.born, day=oslo_day(ctx.now), categories=scope.categories, guardians=len(guardians)
    )
    consent = ConsentRef(desk.ids.ref("cst"))
    command = consents.RequestConsent(
        by=acting,
        consent=consent,
        scope=scope,
        valid_to=valid_to,
        needed=needed,
        languages=frozenset(guardian.language.value for guardian in guardians),
    )
    return await change(
        desk,
        ctx,
        located.case,
        lambda state: consents.decide_request(state, command, ctx.now),
        lambda state, version: answer(
            ConsentView.of(state, consent), status=201, version=version, location=f"/consents/{consent}"
        ),
    )


async def grant_consent(desk: Desk, ctx: Context, consent: ConsentRef, given: Given) -> Changed[CaseState]:
    """Take one grant (seed rule 4)."""
    located, acting = await meet(desk, ctx, consent)
    command = _answer(acting, consent, given)
    return await change(
        desk,
        ctx,
        located.case,
        lambda state: consents.decide_grant(state, command, ctx.now, desk.rules),
        lambda state, version: answer(ConsentView.of(state, consent), status=201, version=version),
        _evidence(desk, located.case, consent, "grant", given),
    )


async def refuse_consent(desk: Desk, ctx: Context, consent: ConsentRef, given: Given) -> Changed[CaseState]:
    """Take a no."""
    located, acting = await meet(desk, ctx, consent)
    command = _answer(acting, consent, given)
    return await change(
        desk,
        ctx,
        located.case,
        lambda state: consents.decide_refuse(state, command, ctx.now),
        lambda state, version: answer(ConsentView.of(state, consent), status=201, version=version),
        _evidence(desk, located.case, consent, "refusal", given),
    )


async def withdraw_consent(
    desk: Desk, ctx: Context, consent: ConsentRef, given: Given, part: Part
) -> Changed[CaseState]:
    """End a consent or a part of it at once, with all that rested on it (pbrl § 4-1; GDPR art. 7)."""
    located, acting = await meet(desk, ctx, consent)
    base = _answer(acting, consent, given)
    command = consents.WithdrawConsent(
        by=acting,
        consent=consent,
        grantor=base.grantor,
        ordinal=base.ordinal,
        evidence=base.evidence,
        has_note=base.has_note,
        part=part,
    )
    return await change(
        desk,
        ctx,
        located.case,
        lambda state: consents.decide_withdraw(state, command, ctx.now),
        lambda state, version: answer(ConsentView.of(state, consent), status=201, version=version),
        _evidence(desk, located.case, consent, "withdrawal", given),
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
    changed = present.status is ConsentStatus.WITHDRAWN or present.version > 1
    acted = {receipt.consumer for receipt in received if receipt.version >= present.version}
    view = ReceiptsView(
        consent=consent,
        version=present.version,
        status=present.status,
        receipts=tuple(
            ReceiptView(version=one.version, consumer=one.consumer, received_at=one.received_at) for one in received
        ),
        awaited=tuple(sorted(consents.RECEIPTS_FROM - acted)) if changed else (),
        already_told=tuple(
            ToldView(
                at=one.at,
                way=one.way,
                service=one.service,
                role=one.role,
                categories=tuple(sorted(one.categories)),
                consent=one.consent,
                consent_version=one.consent_version,
            )
            for one in told
            if one.consent == consent
        ),
    )
    return view, looked.version


async def ask_sharing(
    desk: Desk,
    ctx: Context,
    case: CaseRef,
    *,
    service: Service,
    categories: frozenset[InformationCategory],
    purpose: Purpose,
) -> tuple[SharingView, int]:
    """Say what may be shared with a service, why, and what is missing and from whom if not (seed rule 106)."""
    located, acting = await meet(desk, ctx, case)
    looked = await glance(desk, ctx, located, acting, Action.ASK_SHARING)
    judged = consents.sharing(looked.state, service=service, categories=categories, purpose=purpose, now=ctx.now)
    needed: dict[GrantorClass, int] = {}
    if not judged.permitted:
        async with desk.pool.acquire() as conn:
            child = await desk.records.child(conn, located.case)
        needed = desk.rules.needed_grantors(
            born=child.born, day=oslo_day(ctx.now), categories=categories, guardians=looked.state.guardians
        )
    view = SharingView(
        service=service,
        categories=tuple(sorted(categories)),
        purpose=purpose,
        permitted=judged.permitted,
        basis=CONSENT if judged.permitted else None,
        consent=judged.consent,
        consent_version=judged.consent_version,
        valid_to=judged.valid_to,
        missing=tuple(sorted(judged.missing)),
        needed=needed,
        waiting=judged.waiting,
    )
    return view, looked.version


def _answer(acting: Acting, consent: ConsentRef, given: Given) -> consents.Answer:
    signed_in = acting.guardian is not None or acting.child
    return consents.Answer(
        by=acting,
        consent=consent,
        grantor=given.grantor,
        ordinal=given.ordinal,
        evidence=EvidenceForm.E_ID if signed_in else given.evidence,
        has_note=bool(given.note),
    )


def _evidence(desk: Desk, case: CaseRef, consent: ConsentRef, step: str, given: Given) -> Keep | None:
    """Return what keeps the note of how it was given; nothing when it was signed in."""
    note = given.note
    if not note:
        return None
    name = f"{step}-{given.grantor}-{given.ordinal or 0}"
    return lambda conn: desk.records.keep_evidence(conn, case, consent, name, note)
