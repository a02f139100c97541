"""The authorisation table with its moments: every action of everybody at every moment of a case, against a model written by hand.

The model is three matrices, read by nothing but this file: what somebody is to the case at each moment (`STANDS`), what each
relation may do and how far it reaches (`tests.unit.test_cases_access.MATRIX`), and at which stages an action may be done
(`STAGES`); with the basis and the categories that each reach comes to. 64 actions x 20 people x 24 moments, each one cell.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Final

import pytest

from services.cases.domain import access
from services.cases.domain.access_terms import Action, Reach, Relation
from services.cases.domain.acting import Acting
from services.cases.domain.relations import relations
from services.cases.domain.shown import Permit, grounds
from services.cases.domain.state import ALL_CATEGORIES
from services.cases.errors import CaseError
from shared.contracts.codes import InformationCategory
from shared.contracts.safekeeping import CaseErased, ErasureReason
from tests.unit import test_cases_access as standing
from tests.unit.cases_town import (
    CURIOUS,
    HAUGEN,
    NURSES_LEADER,
    ON_DUTY,
    PPT_LEADER,
    REKTOR_THERE,
    TEACHER,
    TEACHER_THERE,
    Town,
)
from tests.unit.test_cases_access import MATRIX, cells
from tests.unit.test_cases_moments import MAKE, PEOPLE, rows

STANDS: Final = """
                concern resolved open   asked  half   consented narrowed withdrawn expired offered  offered-there handed      closed reopened measure coord     by-law care   emerg  over   request reported protect erased
teacher         holder  last     holder holder holder holder    holder   holder    holder  holder   holder        -           last   holder   holder  holder    holder holder holder holder holder  holder   holder  last
moved           else    else     else   else   else   else      else     else      else    else     else          -           else   else     else    else      else   else   else   else   else    else     holder  else
colleague       -       -        -      -      -      -         -        -         -       -        -             -           -      -        -       -         -      -      -      -      -       -        -       -
styrer          lead    lead     lead   lead   lead   lead      lead     lead      lead    lead     lead          -           lead   lead     lead    lead      lead   lead   lead   lead   lead    lead     -       lead
curious         -       -        -      -      -      -         -        -         -       -        -             -           -      -        -       -         -      -      -      -      -       -        -       -
nurse           -       -        -      -      -      serv      -        -         -       serv     -             serv        -      serv     serv    serv      -      -      -      -      -       rept     -       -
nurses-leader   -       -        -      -      -      -         -        -         -       -        -             -           -      -        -       -         -      -      -      -      -       repL     -       -
coordinator     -       -        -      -      -      serv      -        -         -       serv     -             serv        -      serv     serv    coor+serv -      -      -      -      -       -        -       -
ppt             -       -        -      -      -      serv      serv     -         -       serv     -             serv        -      serv     team    serv      -      -      -      -      asks    -        -       -
ppt-leader      -       -        -      -      -      -         -        -         -       -        -             -           -      -        -       -         -      -      -      -      askL    -        -       -
contact-teacher -       -        -      -      -      -         -        -         -       rcv+serv -             holder+serv -      -        -       -         -      -      -      -      -       -        -       -
rektor          -       -        -      -      -      -         -        -         -       rcvL     -             lead        -      -        -       -         -      -      -      -      -       -        -       -
teacher-there   -       -        -      -      -      -         -        -         -       -        rcv           -           -      -        -       -         -      -      -      -      -       -        -       -
rektor-there    -       -        -      -      -      -         -        -         -       -        rcvL          -           -      -        -       -         -      -      -      -      -       -        -       -
barnevern       -       -        -      -      -      -         -        -         -       -        -             -           -      -        -       -         law    care   glas   -      -       -        law     -
on-duty         -       -        -      -      -      -         -        -         -       -        -             -           -      -        -       -         -      -      -      -      -       -        wtch    -
guardian        -       -        guar   guar   guar   guar      guar     guar      guar    guar     guar          guar        guar   guar     guar    guar      guar   guar   guar   guar   guar    guar     guar    guar
guardian-before -       -        -      -      -      -         -        -         -       -        -             -           -      -        -       -         -      -      -      -      -       -        -       -
child           -       -        chil   chil   chil   chil      chil     chil      chil    chil     chil          chil        chil   chil     chil    chil      chil   chil   chil   chil   chil    chil     chil    chil
notify          reach   reach    reach  reach  reach  reach     reach    reach     reach   reach    reach         reach       reach  reach    reach   reach     reach  reach  reach  reach  reach   reach    reach   reach
"""
"""What somebody is to the case; the words are the columns of `MATRIX`. Where a consent ends, an offer is answered, a stage passes,
the relation ends with it. Of a protected case no event says at which unit it is held, so who moved within the service holds it still."""

STAGES: Final = """
                       concern resolved open closed erased
see-case               x       x        x    x      x
read-child             x       x        x    x      x
read-overview          x       x        x    x      x
read-concern           x       x        x    x      x
read-contacts          x       x        x    x      x
read-watch             x       x        x    x      x
resolve-concern        x       -        x    -      -
add-concern            x       -        x    -      -
change-level           -       -        x    -      -
record-child-view      -       -        x    -      -
choose-contact-person  -       -        x    -      -
close-case             -       -        x    -      -
reopen-case            -       -        -    x      -
ask-sharing            x       x        x    x      x
see-consents           x       x        x    x      x
request-consent        -       -        x    -      -
answer-consent         -       -        x    -      -
record-answer          -       -        x    -      -
see-receipts           x       x        x    x      x
override               -       -        x    -      -
read-override          x       x        x    x      x
review-override        x       x        x    x      x
tell-of-override       x       x        x    x      -
plan-measure           -       -        x    -      -
evaluate-measure       -       -        x    -      -
see-measures           x       x        x    x      x
carry-out-measure      -       -        x    -      -
see-overlap            -       -        x    -      -
send-handover          -       -        x    -      -
see-handover           x       x        x    x      x
answer-handover        -       -        x    -      -
answer-on-behalf       -       -        x    -      -
withdraw-handover      -       -        x    -      -
hand-over-for-absent   -       -        x    -      -
hand-over-coordination -       -        x    -      -
draft-form             -       -        x    -      -
read-form              x       x        x    x      x
approve-form           -       -        x    -      -
send-form              -       -        x    -      -
ask-insight            x       x        x    x      x
manage-guardians       x       -        x    x      -
protect-address        x       -        x    -      -
write-record           -       -        x    -      -
read-document          x       x        x    x      x
take-copy              x       x        x    x      x
erase-case             -       x        -    x      -
hold-case              x       x        x    x      -
change-team            -       -        x    -      -
set-team-goal          -       -        x    -      -
state-wish             -       -        x    -      -
record-wish            -       -        x    -      -
appoint-coordinator    -       -        x    -      -
start-plan             -       -        x    -      -
read-plan              -       -        x    -      -
close-plan             -       -        x    -      -
ask-contribution       -       -        x    -      -
see-contribution       -       -        x    -      -
answer-contribution    -       -        x    -      -
record-language        -       -        x    -      -
read-language          -       -        x    -      -
report-concern         -       -        x    -      -
see-report             -       -        x    -      -
read-report            -       -        x    -      -
follow-report          -       -        x    -      -
"""
"""Where the course must stand when nothing else is said. Some decisions say it themselves, each with tests of its own: a consent
is withdrawn, a concern handed over, a report made and followed at other stages too."""

WORDS: Final = dict(zip(MATRIX.strip().splitlines()[0].split(), Relation, strict=True))
TOLD_NOTHING_ELSE: Final = {WORDS[one] for one in ("reach", "asks", "askL", "rept", "repL")}
"""Who is nothing else to the case is told of what concerns it, and for the rest that there is no such case."""
TABLE: Final[Mapping[tuple[Action, Relation], Reach | None]] = {(what, who): reach for what, who, reach in cells()}

IDENTITY: Final = frozenset({InformationCategory.IDENTITY})
OF_CONSENT: Final = frozenset({InformationCategory.DEVELOPMENT, InformationCategory.LANGUAGE}) | IDENTITY
BY_LAW: Final = frozenset({InformationCategory.CONCERN, InformationCategory.FAMILY}) | IDENTITY
SHOWN: Final[Mapping[Reach, frozenset[InformationCategory]]] = {
    Reach.NO_CONTENT: frozenset(),
    Reach.HELD: ALL_CATEGORIES,
    Reach.OFFERED: frozenset({InformationCategory.LANGUAGE}) | IDENTITY,
    Reach.CONSENTED: OF_CONSENT,
    Reach.BY_LAW: BY_LAW,
    Reach.REASON: frozenset({InformationCategory.CONCERN}),
    Reach.OWN_CHILD: ALL_CATEGORIES - {InformationCategory.CONTACT},
    Reach.CONTACT: frozenset({InformationCategory.CONTACT}),
    Reach.EMERGENCY: frozenset({InformationCategory.FAMILY}) | IDENTITY,
    Reach.REPORTED: frozenset({InformationCategory.CONCERN, InformationCategory.CHILD_VIEW}) | IDENTITY,
}
"""What each reach comes to in these cases."""
ON_CONSENT: Final = {WORDS[one] for one in ("coor", "team", "serv")}


def erased() -> Town:
    town = standing.closed()
    town.take([CaseErased(case=town.case, reason=ErasureReason.RETENTION)])
    return town


def emergency_over() -> Town:
    town = standing.in_emergency()
    town.later(hours=2)
    return town


MOMENTS: Final[Mapping[str, tuple[str, Callable[[], Town]]]] = {
    **{name: ("open", make) for name, make in MAKE.items()},
    "concern": ("concern", MAKE["concern"]),
    "resolved": ("resolved", MAKE["resolved"]),
    "closed": ("closed", MAKE["closed"]),
    "measure": ("open", standing.with_measure),
    "coord": ("open", standing.coordinated),
    "by-law": ("open", standing.overridden),
    "offered-there": ("open", standing.offered_there),
    "care": ("open", standing.with_care_order),
    "emerg": ("open", standing.in_emergency),
    "over": ("open", emergency_over),
    "request": ("open", standing.asked),
    "reported": ("open", standing.reported),
    "protect": ("open", standing.protected),
    "erased": ("erased", erased),
}
EVERYBODY: Final[Mapping[str, Acting]] = {
    **PEOPLE,
    "moved": TEACHER.model_copy(update={"unit": HAUGEN}),
    "teacher-there": TEACHER_THERE,
    "rektor-there": REKTOR_THERE,
    "curious": CURIOUS,
    "ppt-leader": PPT_LEADER,
    "nurses-leader": NURSES_LEADER,
    "on-duty": ON_DUTY,
}


@cache
def at(moment: str) -> Town:
    """Return the case at that moment; nobody changes it."""
    return MOMENTS[moment][1]()


def stood() -> list[tuple[str, str, frozenset[Relation]]]:
    """Return (who, moment, what they are to the case then) for every cell of `STANDS`."""
    return [
        (who, moment, frozenset(WORDS[word] for word in mark.split("+") if word != "-"))
        for who, moment, mark in rows(STANDS, 1)
    ]


def stages_of(action: Action) -> set[str]:
    """Return at which stages an action may be done, by `STAGES`."""
    return {stage for name, stage, mark in rows(STAGES, 1) if name == action and mark == "x"}


def basis_of(relation: Relation, reach: Reach, moment: str) -> set[str]:
    """Return the basis on which somebody in `relation` acts at that moment."""
    match reach:
        case Reach.CONTACT:
            return {"reach-guardians"}
        case Reach.OFFERED:
            return {"consent"}
        case Reach.EMERGENCY:
            return {"child-at-risk"}
        case Reach.HELD if moment == "handed":
            return {"consent"}
        case _:
            pass
    if relation in ON_CONSENT:
        return {"consent"}
    named = {"law": "bvl-13-2", "guar": "parental-responsibility", "chil": "access-by-the-child"}
    return {next((basis for word, basis in named.items() if WORDS[word] is relation), "own-task")}


def shown_by(reach: Reach, moment: str) -> frozenset[InformationCategory]:
    """Return which categories a reach comes to at that moment."""
    if reach is Reach.HELD and moment == "handed":
        return SHOWN[Reach.OFFERED]  # What came with the baton.
    return SHOWN[reach]


def is_recorded(town: Town, permit: Permit) -> bool:
    """Return whether all that may be shown is recorded under what allowed it, and what no consent covers is recorded too."""
    divided = grounds(town.state, permit, permit.categories, town.now)
    more = permit.categories | {InformationCategory.CONTACT}
    beside = grounds(town.state, permit, more, town.now)
    return (
        divided[0].consent == permit.consent
        and frozenset[InformationCategory]().union(*(one.categories for one in divided)) == permit.categories
        and frozenset[InformationCategory]().union(*(one.categories for one in beside)) == more
    )


@pytest.mark.rule(4, 106)
@pytest.mark.parametrize("action", Action)
def test_the_action_of_everybody_at_every_moment(action: Action) -> None:
    """404: it is told nothing; 403: it has a part that does not include this; 409: not now; else the basis and what is shown."""
    stages, wrong = stages_of(action), list[str]()
    for who, moment, held in stood():
        town, stage = at(moment), MOMENTS[moment][0]
        reaching = {one: reach for one in held if (reach := TABLE[action, one]) is not None}
        expected = "ok"
        if not reaching:
            expected = "404" if held <= TOLD_NOTHING_ELSE else "403"
        elif stage not in stages:
            expected = "409"
        try:
            permit = access.require(town.state, action, EVERYBODY[who], town.now)
        except CaseError as refused:
            if str(refused.status) != expected:
                wrong.append(f"{who} at {moment}: {refused.status}, and should be {expected}")
            continue
        bases = set[str]().union(*(basis_of(one, reach, moment) for one, reach in reaching.items()))
        shown = max((shown_by(reach, moment) for reach in reaching.values()), key=len, default=frozenset())
        is_right = (
            expected == "ok"
            and permit.relation in reaching
            and permit.basis in bases
            and (permit.consent is not None) == (permit.basis == "consent")
            and (permit.override is not None) == (permit.basis == "bvl-13-2")
            and (permit.glass is not None) == (permit.basis == "child-at-risk")
            and permit.categories == shown
            and is_recorded(town, permit)
        )
        if not is_right:
            wrong.append(f"{who} at {moment}: {permit!r}, and should be {expected}, {bases}, {sorted(shown)}")
    assert wrong == []


def test_the_model_has_every_cell_and_the_people_are_to_the_case_what_it_says() -> None:
    """An action, a relation or a moment that is added without a place in the model is found."""
    assert sorted(name for name, stage, _ in rows(STAGES, 1) if stage == "open") == sorted(Action)
    assert {moment for _, moment, _ in stood()} == set(MOMENTS)
    assert {who for who, _, _ in stood()} == set(EVERYBODY)
    assert {one for _, _, held in stood() for one in held} == set(Relation)
    for who, moment, held in stood():
        assert set(relations(at(moment).state, EVERYBODY[who], at(moment).now)) == held, (who, moment)
    for moment, (stage, _) in MOMENTS.items():
        assert at(moment).state.stage == stage, moment
