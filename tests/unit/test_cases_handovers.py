"""Handovers in all their kinds: who may send and receive each, what comes with it, what time does to it."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest

from services.cases.domain import access, concern, consent, forms, handover, moved, recording, waiting
from services.cases.domain.access_terms import Action
from services.cases.domain.acting import Acting
from services.cases.domain.evolution import fold
from services.cases.domain.kinds import KINDS, Ground, Kind, Place, SentBy, fitting, needs_form, require_kind
from services.cases.domain.relations import relations
from services.cases.domain.state import HandoverStatus, Stage
from services.cases.errors import (
    CaseNotOpenError,
    ConcernOpenError,
    ConsentMissingError,
    HandoverKindError,
    HandoverNotOpenError,
    HandoverNotProposedError,
    HolderNotAwayError,
    MeasureUnfinishedError,
    MunicipalityUnknownError,
    NotInvolvedError,
    NotPermittedError,
    OrganisationMissingError,
    ReceiverAwayError,
    ReceiverIsSenderError,
    UnknownPartError,
)
from shared.calendar import add_days
from shared.contracts.cases import (
    CaseEvent,
    CaseOpened,
    ForWhom,
    HandoverKind,
    HandoverRoute,
    LocalOutcome,
    Package,
    Party,
)
from shared.contracts.codes import Area, InformationCategory, Purpose, Role, Service
from shared.contracts.safekeeping import DocumentAdded, MediaType
from shared.errors import StaleVersionError
from shared.refs import CaseRef, ConcernRef, DocumentRef, FormRef, HandoverRef, LogScope, UnitId
from tests.unit.cases_town import (
    BARNEVERN,
    COLLEAGUE,
    CONTACT_TEACHER,
    CURIOUS,
    LIA,
    PPT,
    RULES,
    STYRER,
    TEACHER,
    Town,
    employee,
    guardian,
    party,
    scope,
)
from tests.unit.test_cases_decisions import TO_SCHOOL, answer, approved_form, offer, planned, send

BUP = employee("bup", Role.BUP_CLINICIAN, Service.BUP, UnitId("unit:bup"))
LANGUAGE, HEALTH = InformationCategory.LANGUAGE, InformationCategory.HEALTH
OSLO = LogScope("0301")

# Who sends to whom in another unit, by which kind: B barnehage, S skole, P any other municipal service, W barnevern, U BUP.
WAYS = """
     B                   S                    P                   W                  U
B    unit                barnehage-to-school  unit                to-child-welfare   to-specialist
S    unit                school-to-school     unit                to-child-welfare   to-specialist
P    unit                unit                 unit                to-child-welfare   to-specialist
W    from-child-welfare  from-child-welfare   from-child-welfare  to-child-welfare   to-specialist
U    from-specialist     from-specialist      from-specialist     to-child-welfare   to-specialist
"""
LETTERS = {"B": Service.BARNEHAGE, "S": Service.SKOLE, "P": Service.PPT, "W": Service.BARNEVERN, "U": Service.BUP}


def at(service: Service, unit: str = "unit:there", organisation: str | None = "310001015") -> Party:
    acting = employee("somebody", Role.TEACHER, service, UnitId(unit))
    return party(acting).model_copy(update={"organisation": organisation})


def ways() -> list[tuple[Service, Service, HandoverRoute]]:
    header, *rows = [line.split() for line in WAYS.strip().splitlines()]
    return [
        (LETTERS[sender], LETTERS[receiver], HandoverRoute(way))
        for sender, *cells in rows
        for receiver, way in zip(header, cells, strict=True)
    ]


def to(town: Town, whom: Acting, *categories: InformationCategory, **changes: object) -> HandoverRef:
    """Offer the baton out of the unit, by the kind that leads there."""
    sender = town.holder()
    command = handover.SendHandover(
        by=sender,
        handover=HandoverRef(town.ids.ref("hdo")),
        kind=fitting(sender.service, whom.service, Place.OTHER_UNIT),
        receiver=party(whom),
        package=Package(categories=frozenset(categories)),
    ).model_copy(update=changes)
    town.take(handover.decide_send(town.state, command, town.now, RULES))
    return command.handover


# --- the table --------------------------------------------------------------------------------------------------------


@pytest.mark.rule(13, 14, 15, 16, 18)
@pytest.mark.parametrize(("sender", "receiver", "way"), ways(), ids=str)
def test_one_kind_leads_from_a_service_to_another(sender: Service, receiver: Service, way: HandoverRoute) -> None:
    assert fitting(sender, receiver, Place.OTHER_UNIT) is way
    for asked in HandoverRoute:
        if asked is way:
            assert require_kind(asked, at(sender), at(receiver), Place.OTHER_UNIT) == KINDS[way]
        else:
            with pytest.raises(HandoverKindError) as refused:
                require_kind(asked, at(sender), at(receiver), Place.OTHER_UNIT)
            assert refused.value.extensions == {"kind": way}
    assert needs_form(sender, receiver, Place.OTHER_UNIT) == (way in {"barnehage-to-school", "school-to-school"})
    assert needs_form(sender, receiver, Place.OTHER_MUNICIPALITY) == needs_form(sender, receiver, Place.OTHER_UNIT)


def test_every_pair_of_services_has_a_kind_whose_row_lets_it() -> None:
    for sender, receiver, place in product(Service, Service, Place):
        way = fitting(sender, receiver, place)
        kind = KINDS[way]
        assert kind.place is place
        assert kind.senders is None or sender in kind.senders
        assert kind.receivers is None or receiver in kind.receivers


def test_out_of_the_unit_it_rests_on_consent_and_in_it_on_the_units_task() -> None:
    assert set(KINDS) == set(HandoverRoute)
    for way, kind in KINDS.items():
        # The coordination goes anywhere in the municipality, inside the consent.
        assert way is HandoverRoute.COORDINATOR or (kind.ground is Ground.OWN_TASK) == (kind.place is Place.SAME_UNIT)
        assert 0 < kind.answer_within_days <= RULES.answer_within_days_at_most
    coordinator = KINDS[HandoverRoute.COORDINATOR]
    assert coordinator == Kind(sent_by=SentBy.COORDINATOR, place=None, wire=HandoverKind.COORDINATOR)
    assert [way for way, kind in KINDS.items() if kind.sent_by is SentBy.COORDINATOR] == ["coordinator"]
    assert [way for way, kind in KINDS.items() if kind.sent_by is SentBy.HOLDER_OR_LEADER] == ["staff-leaves"]


def test_in_the_unit_it_is_the_baton_or_leaving() -> None:
    for way in HandoverRoute:
        if way in {HandoverRoute.BATON, HandoverRoute.STAFF_LEAVES}:
            assert require_kind(way, at(Service.PPT), at(Service.PPT), Place.SAME_UNIT).ground is Ground.OWN_TASK
        else:
            with pytest.raises(HandoverKindError):
                require_kind(way, at(Service.PPT), at(Service.PPT), Place.SAME_UNIT)


@pytest.mark.rule(18, 20)
def test_the_specialist_service_is_another_employer_on_its_own_consent() -> None:
    town = Town().lift()
    town.consented(scope((Service.BUP,), (LANGUAGE,), (Purpose.TRANSITION,)))
    nameless = party(BUP).model_copy(update={"organisation": None})
    with pytest.raises(OrganisationMissingError):
        to(town, BUP, LANGUAGE, receiver=nameless)
    ref = to(town, BUP, LANGUAGE)
    sent = town.state.handovers[ref]
    assert sent.respond_by is not None
    assert (sent.way, sent.kind, (sent.respond_by - town.now).days) == ("to-specialist", "unit", 14)
    answer(town, ref, BUP)
    assert town.state.holder == party(BUP)


@pytest.mark.rule(18)
def test_child_welfare_takes_the_baton_on_a_consent_to_it_and_gives_it_back_on_one() -> None:
    town = Town().lift()
    town.consented(scope((Service.BARNEVERN,), (LANGUAGE,), (Purpose.TRANSITION,)))
    answer(town, to(town, BARNEVERN, LANGUAGE), BARNEVERN)
    assert town.holder() == BARNEVERN
    with pytest.raises(HandoverKindError) as refused:
        to(town, PPT, LANGUAGE, kind=HandoverRoute.UNIT)
    assert refused.value.extensions == {"kind": "from-child-welfare"}


# --- what comes with it -----------------------------------------------------------------------------------------------


@pytest.mark.rule(4, 18)
def test_a_baton_that_comes_back_opens_what_the_home_unit_recorded_and_not_what_others_did() -> None:
    town = Town().lift()
    town.consented(scope((Service.PPT,), (LANGUAGE, HEALTH), (Purpose.TRANSITION,)))
    town.consented(scope((Service.BARNEHAGE,), (LANGUAGE,), (Purpose.TRANSITION,)))
    measure = planned(town)
    own_goal = town.state.measures[measure].goal
    assert access.permit(town.state, Action.READ_CHILD, TEACHER, town.now).categories == frozenset(InformationCategory)
    answer(town, to(town, PPT, LANGUAGE, HEALTH), PPT)
    town.hear("measure")
    theirs = town.state.views[-1].ref
    permit = access.permit(town.state, Action.READ_CHILD, PPT, town.now)
    assert permit.own == {theirs}, "a unit reads what it recorded itself, in whatever category"
    answer(town, to(town, TEACHER, LANGUAGE), TEACHER)
    permit = access.permit(town.state, Action.READ_CHILD, TEACHER, town.now)
    assert permit.categories == {LANGUAGE, InformationCategory.IDENTITY}
    assert town.state.concern is not None
    assert {town.state.concern.ref, own_goal, *(view.ref for view in town.state.views[:2])} == permit.own
    # Within the unit it stays so, and what is recorded from now on is its own again.
    answer(town, offer(town), COLLEAGUE)
    town.hear("plan")
    permit = access.permit(town.state, Action.READ_CHILD, COLLEAGUE, town.now)
    assert permit.categories == {LANGUAGE, InformationCategory.IDENTITY}
    assert town.state.views[-1].ref in permit.own
    assert theirs not in permit.own


def test_a_form_that_another_unit_rewrote_is_that_units() -> None:
    town = Town().lift()
    form = approved_form(town)
    assert town.state.recorded_by[form] == LIA
    protected = Town(address_protected=True).lift()
    assert protected.state.own_records == frozenset()
    assert protected.state.recorded_by == {}


@pytest.mark.rule(13, 14, 18)
def test_with_a_form_of_its_own_a_school_sends_no_document_that_it_did_not_get() -> None:
    learning = InformationCategory.LEARNING
    town = Town().lift()
    got, kept = (DocumentRef(town.ids.ref("doc")) for _ in range(2))
    for document, category in ((got, LANGUAGE), (kept, learning)):
        added = recording.AddDocument(by=TEACHER, document=document, category=category, media=MediaType.PDF, size=900)
        town.take(recording.decide_document(town.state, added, town.now))
    town.consented(scope((Service.SKOLE,), (LANGUAGE, learning), (Purpose.TRANSITION,)))
    answer(town, send(town, approved_form(town)), CONTACT_TEACHER)
    form, written = FormRef(town.ids.ref("frm")), DocumentRef(town.ids.ref("doc"))
    draft_form = forms.DraftForm(
        by=CONTACT_TEACHER,
        form=form,
        document=written,
        form_type="school-to-school",
        school_start=2027,
        categories=frozenset({LANGUAGE, learning}),
    )
    town.take(forms.decide_draft(town.state, draft_form, town.now))
    for ordinal in (1, 2):
        approval = forms.ApproveForm(by=guardian(ordinal), form=form, version=1)
        town.take(forms.decide_approve(town.state, approval, town.now))
    there = party(employee("otherteacher", Role.CONTACT_TEACHER, Service.SKOLE, UnitId("unit:other-skole")))
    ref = HandoverRef(town.ids.ref("hdo"))
    sending = forms.SendForm(by=CONTACT_TEACHER, form=form, handover=ref, receiver=there)
    # To a school in another municipality the same goes, on a consent to services there.
    elsewhere = sending.model_copy(update={"to_municipality": OSLO})
    with pytest.raises(ConsentMissingError):
        forms.decide_send_form(town.state, elsewhere, town.now, RULES)
    town.consented(scope((Service.SKOLE,), (LANGUAGE, learning), (Purpose.TRANSITION,), OSLO))
    moving = fold(town.state, forms.decide_send_form(town.state, elsewhere, town.now, RULES))
    gone = moving.handovers[ref]
    assert kept not in gone.package.documents
    assert moved.brought(moving, gone) == {LANGUAGE}
    assert moved.brought_documents(moving, gone) == {got}
    town.take(forms.decide_send_form(town.state, sending, town.now, RULES))
    package = town.state.handovers[ref].package
    assert package.categories == {LANGUAGE, learning}
    assert {written, got} <= {*package.documents}
    assert kept not in package.documents


# --- drafts and receipts ----------------------------------------------------------------------------------------------


def draft(town: Town, receiver: Acting = COLLEAGUE, **given: Any) -> handover.SendHandover:
    said = {"kind": HandoverRoute.BATON, **given}
    command = handover.SendHandover(
        by=TEACHER, handover=HandoverRef(town.ids.ref("hdo")), receiver=party(receiver), **said
    )
    town.take(handover.decide_propose(town.state, command, town.now, RULES))
    return command


def test_a_draft_is_told_to_nobody_and_judged_when_it_is_sent() -> None:
    town = Town().lift()
    first, second = draft(town), draft(town, STYRER)
    assert town.state.open_handover is None
    assert relations(town.state, COLLEAGUE, town.now) == []
    with pytest.raises(HandoverNotOpenError):
        town.take(
            handover.decide_answer(town.state, handover.AnswerHandover(by=STYRER, handover=first.handover), town.now)
        )
    with pytest.raises(ReceiverAwayError):
        handover.decide_send_proposed(town.state, first.model_copy(update={"receiver_away": True}), town.now, RULES)
    town.take(handover.decide_send_proposed(town.state, first, town.now, RULES))
    assert town.state.handovers[first.handover].status is HandoverStatus.SENT
    with pytest.raises(HandoverNotProposedError):
        handover.decide_send_proposed(town.state, first, town.now, RULES)
    withdrawal = handover.WithdrawHandover(by=TEACHER, handover=second.handover)
    town.take(handover.decide_withdraw(town.state, withdrawal, town.now))
    assert town.state.handovers[second.handover].status is HandoverStatus.WITHDRAWN
    with pytest.raises(ReceiverIsSenderError):
        draft(town, TEACHER)
    with pytest.raises(HandoverKindError):
        draft(town, CURIOUS)


def test_a_draft_is_sent_by_whoever_wrote_it() -> None:
    town = Town().lift()
    mine = draft(town, STYRER)
    answer(town, offer(town), COLLEAGUE)
    with pytest.raises(UnknownPartError):
        handover.decide_send_proposed(town.state, mine.model_copy(update={"by": COLLEAGUE}), town.now, RULES)


@pytest.mark.rule(13)
def test_a_handover_is_completed_when_each_document_was_received_also_after_the_acceptance() -> None:
    town = Town().lift()
    town.consented(TO_SCHOOL)
    ref = send(town, approved_form(town))
    present = town.state.handovers[ref]
    receiver = present.receiver.actor
    town.take(handover.decide_receive(town.state, ref, receiver))
    assert handover.decide_receive(town.state, ref, receiver) == []
    assert town.types()[-1] == "handover.received"
    accept = handover.AnswerHandover(by=_as(present.receiver), handover=ref)
    town.take(handover.decide_answer(town.state, accept, town.now))
    assert town.types()[-1] == "handover.accepted"
    assert handover.decide_receive(town.state, ref, COLLEAGUE.actor, present.package.documents) == []
    town.take(handover.decide_receive(town.state, ref, receiver, present.package.documents))
    assert town.types()[-3:] == ["handover.received", "transition-form.received", "handover.completed"]
    assert town.state.handovers[ref].status is HandoverStatus.COMPLETED
    assert handover.decide_receive(town.state, ref, receiver, present.package.documents) == []


def _as(who: Party) -> Acting:
    assert who.service is not None
    assert who.unit is not None
    return employee(who.actor.removeprefix("act_").rstrip("x"), who.role, who.service, who.unit)


# --- time -------------------------------------------------------------------------------------------------------------


@pytest.mark.rule(82, 107)
@pytest.mark.story(13)
def test_what_nobody_answers_is_overdue_then_the_leaders_once() -> None:
    town = Town().lift()
    ref = offer(town)
    assert waiting.decide_escalate(town.state, ref, town.now) == []
    town.later(days=7)
    town.take(waiting.decide_escalate(town.state, ref, town.now))
    assert town.types()[-2:] == ["handover.overdue", "handover.escalated"]
    assert town.history[-1].model_dump()["unit"] == LIA
    assert waiting.decide_escalate(town.state, ref, town.now) == []
    assert waiting.decide_overdue(town.state, ref, town.now) == []
    assert town.holder() == TEACHER
    answer(town, ref, STYRER)
    assert town.holder() == COLLEAGUE
    assert waiting.decide_escalate(town.state, ref, town.now) == []


@pytest.mark.rule(107)
def test_what_waits_for_somebody_who_is_gone_is_cancelled() -> None:
    town = Town().lift()
    ref = offer(town)
    assert waiting.decide_receiver_gone(town.state, TEACHER.actor, LIA) == []
    assert waiting.decide_receiver_gone(town.state, COLLEAGUE.actor, UnitId("unit:elsewhere")) == []
    town.take(waiting.decide_receiver_gone(town.state, COLLEAGUE.actor, LIA))
    assert town.state.handovers[ref].status is HandoverStatus.CANCELLED
    assert town.holder() == TEACHER
    assert waiting.decide_receiver_gone(town.state, COLLEAGUE.actor, LIA) == []


# --- for somebody who is away -----------------------------------------------------------------------------------------


def for_absent(town: Town, by: Acting = STYRER, **changes: object) -> HandoverRef:
    command = handover.SendHandover(
        by=by,
        handover=HandoverRef(town.ids.ref("hdo")),
        kind=HandoverRoute.STAFF_LEAVES,
        receiver=party(COLLEAGUE),
        holder_away=True,
    ).model_copy(update=changes)
    town.take(handover.decide_send(town.state, command, town.now, RULES))
    return command.handover


@pytest.mark.rule(107)
def test_the_leader_hands_on_for_a_holder_who_is_away_and_only_then() -> None:
    town = Town().lift()
    with pytest.raises(HolderNotAwayError):
        for_absent(town, holder_away=False)
    with pytest.raises(HandoverKindError):
        for_absent(town, kind=HandoverRoute.BATON)
    with pytest.raises(NotPermittedError):
        for_absent(town, by=guardian(1))
    for other in (PPT, CURIOUS):
        with pytest.raises(NotInvolvedError):
            for_absent(town, by=other)
    ref = for_absent(town)
    sent = town.state.handovers[ref]
    assert (sent.sender.actor, sent.on_behalf, sent.kind) == (TEACHER.actor, True, "staff-leaves")
    assert town.holder() == TEACHER
    back = handover.WithdrawHandover(by=STYRER, handover=ref)
    town.take(handover.decide_withdraw(town.state, back, town.now))
    assert town.state.open_handover is None
    answer(town, for_absent(town), COLLEAGUE)
    assert town.holder() == COLLEAGUE
    with pytest.raises(ReceiverIsSenderError):
        for_absent(town)
    own = handover.WithdrawHandover(by=STYRER, handover=offer(town, TEACHER))
    with pytest.raises(NotPermittedError):
        handover.decide_withdraw(town.state, own, town.now)


@pytest.mark.rule(79, 107)
def test_a_concern_is_handed_on_by_who_leaves_and_no_other_way() -> None:
    town = Town()
    with pytest.raises(CaseNotOpenError):
        offer(town)
    ref = offer(town, kind=HandoverRoute.STAFF_LEAVES)
    solved = concern.ResolveConcern(by=TEACHER, outcome=LocalOutcome.UNFOUNDED)
    happened = concern.decide_resolve(town.state, solved, town.now, RULES)
    assert [one.TYPE.split(".")[3] for one in happened] == ["handover", "concern"]
    answer(town, ref, COLLEAGUE)
    assert (town.state.stage, town.state.holder) == (Stage.CONCERN, party(COLLEAGUE))
    town.take(concern.decide_resolve(town.state, concern.ResolveConcern(by=COLLEAGUE), town.now, RULES))
    assert town.state.holder == party(COLLEAGUE)


# --- out of the municipality ------------------------------------------------------------------------------------------


@pytest.mark.rule(18)
def test_no_document_of_the_package_is_left_behind_when_one_comes_in_at_the_last_moment() -> None:
    town = Town().lift()
    there = employee("there", Role.PPT_ADVISER, Service.PPT, UnitId("unit:ppt"))
    town.consented(scope((Service.PPT,), (LANGUAGE,), (Purpose.TRANSITION,), OSLO))
    ref = to(town, there, LANGUAGE, kind=HandoverRoute.MUNICIPALITY, to_municipality=OSLO)
    going, staying, new = (DocumentRef(town.ids.ref("doc")) for _ in range(3))
    for document, category in ((going, LANGUAGE), (staying, InformationCategory.HEALTH)):
        command = recording.AddDocument(by=TEACHER, document=document, category=category, media=MediaType.PDF, size=900)
        town.take(recording.decide_document(town.state, command, town.now))
    case, begun = CaseRef(town.ids.ref("cas")), ConcernRef(town.ids.ref("con"))

    def received(names: dict[DocumentRef, DocumentRef]) -> list[CaseEvent]:
        sent = town.state.handovers[ref]
        return moved.decide_received(town.state, sent, party(there), case, begun, names, town.now, RULES)

    with pytest.raises(StaleVersionError):
        received({})
    added = [one for one in received({going: new}) if isinstance(one, DocumentAdded)]
    assert [(one.case, one.document, one.category, one.size) for one in added] == [(case, new, LANGUAGE, 1024)]


@pytest.mark.rule(68)
@pytest.mark.parametrize("level", [1, 2])
def test_where_a_case_moves_the_team_of_its_level_has_not_met(level: int) -> None:
    town = Town().lift()
    there = employee("there", Role.PPT_ADVISER, Service.PPT, UnitId("unit:ppt"))
    town.consented(scope((Service.PPT,), (LANGUAGE,), (Purpose.TRANSITION,), OSLO))
    ref = to(town, there, LANGUAGE, kind=HandoverRoute.MUNICIPALITY, to_municipality=OSLO)
    old = town.state.model_copy(update={"level": level})
    case, begun = CaseRef(town.ids.ref("cas")), ConcernRef(town.ids.ref("con"))
    events = moved.decide_received(old, old.handovers[ref], party(there), case, begun, {}, town.now, RULES)
    [opened] = [one for one in events if isinstance(one, CaseOpened)]
    assert opened.meeting_by == (None if level == 1 else add_days(town.now, 14))


@pytest.mark.rule(4, 18)
def test_a_school_here_with_the_name_of_the_one_there_has_no_part_in_the_case() -> None:
    """Units are named by each municipality for itself: to be offered there opens nothing here."""
    town = Town().lift()
    here = employee("contactteacherhere", Role.CONTACT_TEACHER, Service.SKOLE, UnitId("unit:skolen"))
    town.consented(scope((Service.SKOLE,), (LANGUAGE,), (Purpose.TRANSITION,)))
    town.consented(scope((Service.SKOLE,), (LANGUAGE,), (Purpose.TRANSITION,), OSLO))
    sending = forms.SendForm(
        by=TEACHER,
        form=approved_form(town),
        handover=HandoverRef(town.ids.ref("hdo")),
        receiver=party(employee("there", Role.CONTACT_TEACHER, Service.SKOLE, UnitId("unit:skolen"))),
        to_municipality=OSLO,
    )
    town.take(forms.decide_send_form(town.state, sending, town.now, RULES))
    assert town.state.open_handover is not None
    assert relations(town.state, here, town.now) == []
    with pytest.raises(NotInvolvedError):
        access.permit(town.state, Action.READ_CHILD, here, town.now)


@pytest.mark.rule(107)
def test_nothing_is_offered_to_a_municipality_that_does_not_exist() -> None:
    town = Town().lift()
    there = employee("there", Role.PPT_ADVISER, Service.PPT, UnitId("unit:ppt"))
    town.consented(scope((Service.PPT,), (LANGUAGE,), (Purpose.TRANSITION,), OSLO))
    nowhere = {"kind": HandoverRoute.MUNICIPALITY, "to_municipality": LogScope("9999")}
    before = town.state
    with pytest.raises(MunicipalityUnknownError):
        to(town, there, LANGUAGE, **nowhere)
    with pytest.raises(MunicipalityUnknownError):
        draft(town, there, **nowhere)
    assert town.state == before


@pytest.mark.rule(18)
def test_a_case_that_moves_ends_here_with_a_handover_as_the_only_thread() -> None:
    town = Town().lift()
    works_there = employee("there", Role.PPT_ADVISER, Service.PPT, UnitId("unit:ppt"))
    there = works_there.model_copy(update={"elsewhere": OSLO})
    town.consented(scope((Service.PPT,), (LANGUAGE,), (Purpose.TRANSITION,), OSLO))
    away = {"kind": HandoverRoute.MUNICIPALITY, "to_municipality": OSLO}
    measure = planned(town)
    with pytest.raises(MeasureUnfinishedError) as unfinished:
        to(town, there, LANGUAGE, **away)
    assert unfinished.value.extensions == {"measures": [measure]}
    moving = Town(seed=3).lift()
    moving.consented(scope((Service.PPT,), (LANGUAGE,), (Purpose.TRANSITION,), OSLO))
    ref = to(moving, there, LANGUAGE, **away)
    assert moving.state.handovers[ref].to_municipality == "0301"
    assert moving.holder() == TEACHER
    further = concern.RegisterConcern(
        by=TEACHER,
        case=moving.case,
        concern=ConcernRef(moving.ids.ref("con")),
        area=Area.LEARNING,
        for_whom=ForWhom.CHILD,
        guardians=2,
    )
    moving.take(concern.decide_join(moving.state, further, moving.now, RULES))
    with pytest.raises(ConcernOpenError):
        answer(moving, ref, there)
    lifted = concern.ResolveConcern(by=TEACHER, concern=further.concern)
    moving.take(concern.decide_resolve(moving.state, lifted, moving.now, RULES))
    answer(moving, ref, there)
    assert moving.types()[-3:] == ["handover.received", "handover.transferred", "case.closed"]
    assert (moving.state.stage, moving.state.holder, moving.state.outcome) == (Stage.CLOSED, None, "moved")


def test_what_a_handover_rests_on_may_be_narrowed_to_nothing_it_needs() -> None:
    town = Town().lift()
    ref = town.consented(scope((Service.PPT, Service.HELSESTASJON), (LANGUAGE,), (Purpose.TRANSITION,)))
    sent = to(town, PPT, LANGUAGE)
    town.withdraw(ref, consent.Part(services=frozenset({Service.HELSESTASJON})))
    assert town.state.handovers[sent].status is HandoverStatus.SENT
    town.withdraw(ref, consent.Part(services=frozenset({Service.PPT})))
    assert town.state.handovers[sent].status is HandoverStatus.CANCELLED
