"""Who hears of requests to contribute, of plans and coordinators, and of concern reports (seed rules 31, 37, 82, 93, 102).

A service is told through its leader, as for a meeting. Nobody in the family is ever told anything of a concern report from here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from services.notify import asked_facts, facts, store, team_facts
from services.notify.asked_facts import Request
from services.notify.cause import Cause
from services.notify.domain import policy
from services.notify.domain.deadline import deadline_of
from services.notify.facts import CONSUMER
from services.notify.handlers import Teller, about_event, responsible, telling
from services.notify.store import Telling
from services.notify.team import tell_guardians
from shared.aggregate import Context
from shared.arrivals import Handler, Tx
from shared.calendar import add_days
from shared.contracts import cases, reports, team
from shared.contracts.base import EventData
from shared.deadlines import Deadline, cancel, set_deadline
from shared.envelope import Envelope
from shared.freshness import require_fresh
from shared.inbox import caused_by
from shared.refs import ContributionRef, is_protected

REMINDER: Final = "contribution-reminder"
"""The kind of the durable deadline, two days before the answer is due."""
REMIND_DAYS: Final = 2
_ENDED_BY_THE_HOLDER: Final = frozenset({"no-longer-needed", "case-closed"})
"""Why a coordination ends when whoever has the baton ended it, by itself or with the case."""


class Asked:
    """Tells services, askers, coordinators and reporters."""

    def __init__(self, teller: Teller) -> None:
        """Tell people through `teller`."""
        self._teller = teller

    def handlers(self) -> Mapping[type[EventData], Handler]:
        """Return the handler of each event type."""
        return {
            team.ContributionRequested: self.on_requested,
            team.ContributionAccepted: self.on_answered,
            team.ContributionDeclined: self.on_answered,
            team.ContributionOverdue: self.on_overdue,
            team.ContributionEscalated: self.on_escalated,
            team.ContributionEnded: self.on_ended,
            team.PlanRequested: self.on_plan_wished,
            team.PlanStarted: self.on_plan_changed,
            team.PlanUpdated: self.on_plan_changed,
            team.PlanClosed: self.on_plan_ended,
            team.CoordinatorAppointed: self.on_coordinator,
            team.CoordinatorEnded: self.on_coordinator_ended,
            reports.ConcernReportSent: self.on_report_sent,
            reports.ConcernReportFailed: self.on_report_failed,
            reports.ConcernReportUnanswered: self.on_report_unanswered,
        }

    # --- contributions ------------------------------------------------------------------------------------------------

    async def on_requested(self, tx: Tx, event: team.ContributionRequested, envelope: Envelope) -> None:
        """The service's leaders are told at once, and reminded two days before the answer is due (seed rules 82, 102)."""
        ctx = caused_by(envelope, tx.now)
        request = Request(
            contribution=event.contribution,
            case=None if event.anonymous else event.case,
            asker=responsible(event.asked_by),
            service=event.service,
            unit=event.unit,
            due=event.respond_by,
            protected_case=event.case if is_protected(ctx.scope) else None,
        )
        await asked_facts.add_request(tx.conn, request)
        await self._tell_service(tx, request, _about_request(request, ctx).saying(policy.CONTRIBUTION_REQUEST))
        remind_at = add_days(event.respond_by, -REMIND_DAYS)
        if remind_at > envelope.time:
            payload = Cause.of(ctx).written()
            await set_deadline(tx.conn, kind=REMINDER, key=event.contribution, due=remind_at, payload=payload)

    async def on_reminder(self, tx: Tx, deadline: Deadline) -> None:
        """Two days are left.

        Raises:
            UnavailableError: what is known of the cases is not fresh enough to say that it was not answered.
        """
        request = await asked_facts.request(tx.conn, ContributionRef(deadline.key))
        if request is None:
            return
        await require_fresh(tx.conn, CONSUMER, cases.TOPIC, "/services/cases", key=request.case)
        ctx = Cause.model_validate_json(deadline.payload).context(tx.now)
        await self._tell_service(tx, request, _about_request(request, ctx).saying(policy.CONTRIBUTION_REMINDER))

    async def on_answered(
        self, tx: Tx, event: team.ContributionAccepted | team.ContributionDeclined, envelope: Envelope
    ) -> None:
        """The asker is told that there is an answer; nobody is reminded of it any more."""
        ctx = caused_by(envelope, tx.now)
        request = await self._settle(tx, ctx, event.contribution)
        if request is not None:
            told = _about_request(request, ctx).saying(policy.CONTRIBUTION_ANSWERED)
            await self._teller.tell_responsible(tx, request.asker, told)

    async def on_overdue(self, tx: Tx, event: team.ContributionOverdue, envelope: Envelope) -> None:
        """The time is out: the service's leaders and the asker know (seed rule 102)."""
        ctx = caused_by(envelope, tx.now)
        request = await asked_facts.request(tx.conn, event.contribution)
        if request is not None:
            told = _about_request(request, ctx).saying(policy.CONTRIBUTION_OVERDUE)
            await self._tell_service(tx, request, told)
            await self._teller.tell_responsible(tx, request.asker, told)

    async def on_escalated(self, tx: Tx, event: team.ContributionEscalated, envelope: Envelope) -> None:
        """It is the leader's now (seed rules 82, 95)."""
        ctx = caused_by(envelope, tx.now)
        request = await asked_facts.request(tx.conn, event.contribution)
        if request is not None:
            await self._tell_service(tx, request, _about_request(request, ctx).saying(policy.ESCALATION))

    async def on_ended(self, tx: Tx, event: team.ContributionEnded, envelope: Envelope) -> None:
        """Nothing is asked any more; what is on its way about it is taken back."""
        await self._settle(tx, caused_by(envelope, tx.now), event.contribution)

    async def _settle(self, tx: Tx, ctx: Context, contribution: ContributionRef) -> Request | None:
        await cancel(tx.conn, kind=REMINDER, key=contribution)
        await store.drop_staff_errands(tx.conn, deadline=deadline_of(contribution))
        pending = await store.pending_about(tx.conn, deadline=deadline_of(contribution))
        await self._teller.take_back(tx, ctx, pending, "done")
        return await asked_facts.take_request(tx.conn, contribution)

    async def _tell_service(self, tx: Tx, request: Request, told: Telling) -> None:
        units = frozenset() if request.unit is None else frozenset({request.unit})
        await self._teller.tell_services(tx, {request.service: units}, told, case=request.protected_case)

    # --- plan and coordinator -----------------------------------------------------------------------------------------

    async def on_plan_wished(self, tx: Tx, event: team.PlanRequested, envelope: Envelope) -> None:
        """Whoever coordinates plans is told that a family wants one (seed rules 36, 37)."""
        told = about_event(event.case, envelope, tx.now).saying(policy.PLAN_WISHED)
        await self._teller.tell_services(tx, {event.coordinated_by: frozenset()}, told)

    async def on_plan_changed(self, tx: Tx, event: team.PlanStarted | team.PlanUpdated, envelope: Envelope) -> None:
        """All in the team, and the guardians, are told that the plan has a new version (seed rules 31, 38, 101)."""
        await self._guardians_hear(tx, event, envelope)
        told = about_event(event.case, envelope, tx.now).saying(policy.PLAN_CHANGED)
        await self._teller.tell_responsible(tx, await facts.holder_of(tx.conn, event.case), told)
        units = await team_facts.units_in(tx.conn, event.case)
        members = await team_facts.members_of(tx.conn, event.case)
        await self._teller.tell_services(tx, {service: units.get(service, frozenset()) for service in members}, told)

    async def on_plan_ended(self, tx: Tx, event: team.PlanClosed, envelope: Envelope) -> None:
        """The guardians hear that it has ended (seed rules 31, 101)."""
        await self._guardians_hear(tx, event, envelope)

    async def _guardians_hear(
        self, tx: Tx, event: team.PlanStarted | team.PlanUpdated | team.PlanClosed, envelope: Envelope
    ) -> None:
        told = about_event(event.case, envelope, tx.now)
        await tell_guardians(tx, told.saying(policy.GUARDIANS_PLAN))

    async def on_coordinator(self, tx: Tx, event: team.CoordinatorAppointed, envelope: Envelope) -> None:
        """Whoever was appointed is told, and who coordinated before and does no more (seed rules 23, 97)."""
        told, appointed = about_event(event.case, envelope, tx.now), responsible(event.coordinator)
        before = await asked_facts.set_coordinator(tx.conn, event.case, event.kind, appointed)
        await self._teller.tell_responsible(tx, appointed, told.saying(policy.COORDINATOR))
        if before.actor != appointed.actor:
            await self._teller.tell_responsible(tx, before, told.saying(policy.COORDINATOR_ENDED))

    async def on_coordinator_ended(self, tx: Tx, event: team.CoordinatorEnded, envelope: Envelope) -> None:
        """Who coordinated is told, and the holder that nobody does, unless it was the holder who ended it."""
        told = about_event(event.case, envelope, tx.now)
        before = await asked_facts.end_coordination(tx.conn, event.case, event.kind)
        holder = await facts.holder_of(tx.conn, event.case)
        if event.reason not in _ENDED_BY_THE_HOLDER:
            await self._teller.tell_responsible(tx, holder, told.saying(policy.COORDINATOR_MISSING))
        await self._teller.tell_responsible(tx, before, told.saying(policy.COORDINATOR_ENDED))

    # --- concern reports ----------------------------------------------------------------------------------------------

    async def on_report_sent(self, tx: Tx, event: reports.ConcernReportSent, envelope: Envelope) -> None:
        """Where there is no digital channel, the reporter prints and posts the letter (seed rule 93)."""
        reporter = responsible(event.reporter)
        await asked_facts.add_reporter(tx.conn, event.report, reporter)
        if event.channel == "letter":
            told = about_event(event.case, envelope, tx.now).saying(policy.REPORT_BY_LETTER)
            await self._teller.tell_responsible(tx, reporter, told)

    async def on_report_failed(self, tx: Tx, event: reports.ConcernReportFailed, envelope: Envelope) -> None:
        """The channel did not take it: the reporter, and the leader of the unit, post the letter."""
        told = about_event(event.case, envelope, tx.now)
        reporter = await asked_facts.reporter(tx.conn, event.report)
        await self._teller.tell_with_leaders(tx, reporter, told, policy.REPORT_BY_LETTER)

    async def on_report_unanswered(self, tx: Tx, event: reports.ConcernReportUnanswered, envelope: Envelope) -> None:
        """Three weeks without an answer: the reporter and the leader of the unit know (barnevernsloven § 13-3; seed rule 95)."""
        told = about_event(event.case, envelope, tx.now)
        await self._teller.tell_with_leaders(tx, responsible(event.reporter), told, policy.REPORT_UNANSWERED)


def _about_request(request: Request, ctx: Context) -> Telling:
    ref = deadline_of(request.contribution)
    return telling(ctx, f"{request.contribution}", case=request.case, deadline=ref, due=request.due)
