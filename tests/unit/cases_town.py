"""A small town for the cases' pure core: who acts, the code lists as they are deployed, and a case to begin with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from services.cases.codelists import read_glass_rules, read_rules
from services.cases.domain import concern, consent, course, override
from services.cases.domain.acting import Acting
from services.cases.domain.evolution import fold
from services.cases.domain.state import CaseState
from services.cases.profile import read_cases_profiles
from services.cases.team_lists import read_grounds, read_hearing
from shared.calendar import add_days
from shared.contracts.base import EventData
from shared.contracts.cases import ChildHeardBy, EvidenceForm, ForWhom, NotHeardReason, OverrideReason, Party
from shared.contracts.codes import (
    Area,
    GrantorClass,
    InformationCategory,
    Purpose,
    Role,
    Scope,
    Service,
)
from shared.refs import (
    ActorId,
    CaseRef,
    ChildViewRef,
    ConcernRef,
    ConsentRef,
    LogScope,
    OrganisationNumber,
    OverrideRef,
    UnitId,
)
from shared.testing.ids import SeededIds

DEPLOY: Final = Path(__file__).parents[2] / "deploy"
PROFILE: Final = read_cases_profiles(DEPLOY / "municipalities")[LogScope("4005")].cases
RULES: Final = read_rules(DEPLOY / "codelists").of(PROFILE)
GLASS_RULES: Final = read_glass_rules(DEPLOY / "codelists")
HEARING: Final = read_hearing(DEPLOY / "codelists")
GROUNDS: Final = read_grounds(DEPLOY / "codelists")
START: Final = datetime(2026, 9, 7, 8, 0, tzinfo=UTC)
LIA, HAUGEN, TINNES = UnitId("unit:lia-barnehage"), UnitId("unit:haugen-barnehage"), UnitId("unit:tinnes-skole")


def employee(name: str, role: Role, service: Service, unit: UnitId) -> Acting:
    """Return an employee; `name` makes the opaque reference readable in a failing test."""
    return Acting(
        actor=ActorId(f"act_{name:x<26}"),
        kind="user",
        roles=frozenset({role}),
        service=service,
        unit=unit,
        organisation=OrganisationNumber("310001015"),
    )


TEACHER: Final = employee("teacher", Role.TEACHER, Service.BARNEHAGE, LIA)
COLLEAGUE: Final = employee("colleague", Role.TEACHER, Service.BARNEHAGE, LIA)
STYRER: Final = employee("styrer", Role.LEADER, Service.BARNEHAGE, LIA)
CURIOUS: Final = employee("curious", Role.TEACHER, Service.BARNEHAGE, HAUGEN)
CONTACT_TEACHER: Final = employee("contactteacher", Role.CONTACT_TEACHER, Service.SKOLE, TINNES)
REKTOR: Final = employee("rektor", Role.LEADER, Service.SKOLE, TINNES)
PPT: Final = employee("ppt", Role.PPT_ADVISER, Service.PPT, UnitId("unit:ppt"))
NURSE: Final = employee("nurse", Role.HEALTH_NURSE, Service.HELSESTASJON, UnitId("unit:helsestasjon"))
COORDINATOR: Final = employee("coordinator", Role.COORDINATOR, Service.HELSESTASJON, UnitId("unit:helsestasjon"))
THERE: Final = LogScope("0301")
TEACHER_THERE: Final = employee("teacherthere", Role.CONTACT_TEACHER, Service.SKOLE, TINNES).model_copy(
    update={"elsewhere": THERE}
)
"""Works in another municipality, at a school of the same name as one here; its leader too."""
REKTOR_THERE: Final = employee("rektorthere", Role.LEADER, Service.SKOLE, TINNES).model_copy(
    update={"elsewhere": THERE}
)
BARNEVERN: Final = employee("barnevern", Role.CHILD_WELFARE_OFFICER, Service.BARNEVERN, UnitId("unit:barnevern"))
PPT_LEADER: Final = employee("pptleader", Role.LEADER, Service.PPT, UnitId("unit:ppt"))
NURSES_LEADER: Final = employee("nursesleader", Role.LEADER, Service.HELSESTASJON, UnitId("unit:helsestasjon"))
ON_DUTY: Final = Acting(
    actor=ActorId("act_ondutyxxx"),
    kind="user",
    roles=frozenset({Role.PRIVACY_OFFICER}),
    service=Service.LEDELSE,
    unit=UnitId("unit:kommune"),
    cleared=True,
    watches=True,
)
"""Has the municipality's duty for the cases of children with a protected address."""
EMPLOYEES: Final = (
    TEACHER,
    COLLEAGUE,
    STYRER,
    CURIOUS,
    CONTACT_TEACHER,
    REKTOR,
    PPT,
    NURSE,
    COORDINATOR,
    BARNEVERN,
)
CHILD: Final = Acting(actor=ActorId("act_childxxxx"), kind="child", roles=frozenset({Role.CHILD}), child=True)
STRANGER: Final = Acting(actor=ActorId("act_strangerx"), kind="guardian", roles=frozenset({Role.GUARDIAN}))
NOTIFY: Final = Acting(
    actor=ActorId("act_notifyxxx"),
    kind="service_account",
    roles=frozenset({Role.SERVICE_ACCOUNT}),
    reaches_guardians=True,
)


def guardian(ordinal: int) -> Acting:
    """Return the guardian whom the vault has as the first, the second ..."""
    return Acting(
        actor=ActorId(f"act_guardian{ordinal}xx"), kind="guardian", roles=frozenset({Role.GUARDIAN}), guardian=ordinal
    )


def party(acting: Acting) -> Party:
    """Return how a handover names an employee."""
    return acting.party(address_protected=False)


def scope(
    services: Sequence[Service] = (Service.PPT, Service.HELSESTASJON),
    categories: Sequence[InformationCategory] = (InformationCategory.DEVELOPMENT, InformationCategory.LANGUAGE),
    purposes: Sequence[Purpose] = (Purpose.ASSESSMENT,),
    municipality: LogScope | None = None,
) -> Scope:
    """Return a consent's scope; the story's unless something else is asked for."""
    return Scope(
        services=frozenset(services),
        categories=frozenset(categories),
        purposes=frozenset(purposes),
        municipality=municipality,
    )


class Town:
    """One case and its history, decided step by step."""

    def __init__(
        self, *, guardians: int = 2, address_protected: bool = False, seed: int = 1, by: Acting = TEACHER
    ) -> None:
        self.ids = SeededIds(seed)
        self.now = START
        self.state = CaseState()
        self.history: list[EventData] = []
        self.case = CaseRef(self.ids.ref("cas"))
        self.guardians = guardians
        register = concern.RegisterConcern(
            by=by,
            case=self.case,
            concern=ConcernRef(self.ids.ref("con")),
            area=Area.LEARNING,
            for_whom=ForWhom.CHILD,
            guardians=guardians,
            address_protected=address_protected,
        )
        self.take(concern.decide_register(register, self.now, RULES))

    def take(self, events: Sequence[EventData]) -> Sequence[EventData]:
        """Let `events` have happened."""
        self.state = fold(self.state, events)
        self.history.extend(events)
        return events

    def types(self) -> list[str]:
        """Return the history's types, without prefix and version."""
        return [event.TYPE.removeprefix("no.lagspill.cases.").removesuffix(".v1") for event in self.history]

    def later(self, **span: float) -> None:
        """Let time pass."""
        self.now += timedelta(**span)

    def lift(self) -> Town:
        """Open the case at level 1."""
        self.take(concern.decide_resolve(self.state, concern.ResolveConcern(by=self.holder()), self.now, RULES))
        return self

    def hear(self, before: course.Decisions = "consent") -> None:
        """Hear the child."""
        holder = self.holder()
        view = course.RecordChildView(
            by=holder, view=ChildViewRef(self.ids.ref("cvw")), method=ChildHeardBy.CONVERSATION, before=before
        )
        self.take(course.decide_child_view(self.state, view, self.now))

    def ask(
        self, asked: Scope | None = None, days: int = 300, needed: Mapping[GrantorClass, int] | None = None
    ) -> ConsentRef:
        """Ask for consent, as the holder."""
        ref = ConsentRef(self.ids.ref("cst"))
        command = consent.RequestConsent(
            by=self.holder(),
            consent=ref,
            scope=asked or scope(),
            valid_to=(self.now + timedelta(days=days)).date(),
            needed=dict(needed or {GrantorClass.GUARDIAN: self.guardians}),
            languages=frozenset({"nb"}),
            answer_by=add_days(self.now, 28),
        )
        self.take(consent.decide_request(self.state, command, self.now, RULES))
        return ref

    def asked(self) -> ConsentRef:
        """Hear the child, and ask for consent."""
        self.hear()
        return self.ask()

    def override(self, asked: Scope | None = None, days: int = 20) -> OverrideRef:
        """Share by law with the child welfare service, as the holder."""
        ref = OverrideRef(self.ids.ref("ovr"))
        command = override.OverrideConfidentiality(
            by=self.holder(),
            override=ref,
            section="bvl-13-2",
            reason=OverrideReason.NEGLECT_OR_ABUSE,
            scope=asked or scope((Service.BARNEVERN,), (InformationCategory.CONCERN, InformationCategory.FAMILY)),
            valid_to=(self.now + timedelta(days=days)).date(),
            review_by=add_days(self.now, 14),
            not_heard=None if self.state.heard_before & override.HEARD_ABOUT else NotHeardReason.DANGER_IN_DELAY,
        )
        self.take(override.decide_override(self.state, command, self.now, RULES))
        return ref

    def grant(self, ref: ConsentRef, ordinal: int) -> None:
        """Let a guardian grant, signed in."""
        answer = consent.Answer(by=guardian(ordinal), consent=ref)
        self.take(consent.decide_grant(self.state, answer, self.now, RULES))

    def consented(self, asked: Scope | None = None) -> ConsentRef:
        """Have a consent from all guardians."""
        self.hear()
        ref = self.ask(asked)
        for ordinal in range(1, self.guardians + 1):
            self.grant(ref, ordinal)
        return ref

    def by_the_child(self, asked: Scope) -> ConsentRef:
        """Have a consent from the child, who alone must grant it."""
        self.hear()
        ref = self.ask(asked, needed={GrantorClass.CHILD: 1})
        self.take(consent.decide_grant(self.state, consent.Answer(by=CHILD, consent=ref), self.now, RULES))
        return ref

    def withdraw(self, ref: ConsentRef, part: consent.Part | None = None, by: Acting | None = None) -> None:
        """End a consent, or a part of it."""
        command = consent.WithdrawConsent(by=by or guardian(1), consent=ref, part=part or consent.Part())
        self.take(consent.decide_withdraw(self.state, command, self.now))

    def holder(self) -> Acting:
        """Return who holds the baton, as an actor."""
        held = self.state.holder
        return next((one for one in EMPLOYEES if held is not None and one.actor == held.actor), TEACHER)


def on_paper(ref: ConsentRef, ordinal: int, by: Acting = TEACHER) -> consent.Answer:
    """Return a grant that was given orally and minuted."""
    return consent.Answer(by=by, consent=ref, ordinal=ordinal, evidence=EvidenceForm.ORAL_MINUTED, has_note=True)
