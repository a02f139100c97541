"""What is answered about sharing and about overrides: references, codes and days."""

from __future__ import annotations

from datetime import date, datetime

from services.cases.domain.sharing import Ask, Outside, Sharing, Step
from services.cases.domain.state import CaseState, OverrideState
from services.cases.views import Categories, ScopeView
from shared.contracts.base import Model
from shared.contracts.cases import Party
from shared.contracts.codes import GrantorClass, LegalBasis, Purpose, Service
from shared.refs import CaseRef, ConsentRef, DocumentRef, LogScope, OverrideRef


class OutsideView(Model):
    """What of it a consent does not hold."""

    consent: ConsentRef
    services: tuple[Service, ...]
    categories: Categories
    purposes: tuple[Purpose, ...]
    period: bool
    """Its last day has passed."""

    @classmethod
    def of(cls, ref: ConsentRef, outside: Outside) -> OutsideView:
        """Return it in a fixed order."""
        return cls(
            consent=ref,
            services=tuple(sorted(outside.services)),
            categories=tuple(sorted(outside.categories)),
            purposes=tuple(sorted(outside.purposes)),
            period=outside.period,
        )


class SharingView(Model):
    """What may be shared with a service, why, and otherwise what is missing and what would make it so (seed rule 106)."""

    service: Service
    categories: Categories
    purpose: Purpose
    municipality: LogScope | None
    """The service's, when it is another than the case's."""
    permitted: bool
    basis: str | None
    consent: ConsentRef | None
    consent_version: int | None
    override: OverrideRef | None
    valid_to: date | None
    missing: Categories
    needed: dict[GrantorClass, int]
    """Whose consent it would take; empty when it is permitted, and where none may be asked for."""
    waiting: dict[ConsentRef, dict[GrantorClass, int]]
    """Consents already asked for that would cover it, and how many have not answered."""
    outside: tuple[OutsideView, ...]
    steps: tuple[Step, ...]
    """What can be done: any one of these makes it permitted."""

    @classmethod
    def of(cls, ask: Ask, judged: Sharing, needed: dict[GrantorClass, int]) -> SharingView:
        """Return the answer to `ask`."""
        return cls(
            service=ask.service,
            categories=tuple(sorted(ask.categories)),
            purpose=ask.purpose,
            municipality=ask.municipality,
            permitted=judged.permitted,
            basis=judged.basis,
            consent=judged.consent,
            consent_version=judged.consent_version,
            override=judged.override,
            valid_to=judged.valid_to,
            missing=tuple(sorted(judged.missing)),
            needed={} if judged.permitted else needed,
            waiting=judged.waiting,
            outside=tuple(OutsideView.of(ref, outside) for ref, outside in judged.outside.items()),
            steps=judged.steps,
        )


class CareView(Model):
    """Who has the care: the child welfare service, or those with parental responsibility."""

    case: CaseRef
    in_force: bool
    decision: DocumentRef


class OverrideView(Model):
    """Confidentiality overridden by law: on which section, for whom, until when, and whether it was reviewed."""

    override: OverrideRef
    case: CaseRef | None
    basis: LegalBasis
    reason: str
    scope: ScopeView
    valid_from: date
    valid_to: date
    made_by: Party
    not_heard: str | None
    review_by: datetime
    justified: bool | None
    """None: no leader has judged it yet."""
    status: str
    ended: bool
    guardians_informed: bool

    @classmethod
    def of(cls, state: CaseState, override: OverrideState) -> OverrideView:
        """Return one override of a case."""
        return cls(
            override=override.ref,
            case=state.case,
            basis=override.basis,
            reason=override.reason,
            scope=ScopeView.of(override.scope),
            valid_from=override.valid_from,
            valid_to=override.valid_to,
            made_by=override.made_by,
            not_heard=override.not_heard,
            review_by=override.review_by,
            justified=override.justified,
            status=override.status,
            ended=override.ended,
            guardians_informed=override.guardians_informed,
        )


class OverrideContent(OverrideView):
    """An override with the words of its reason, for who made it and for who reviews it."""

    text: str
