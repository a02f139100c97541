"""The child's and the guardians' view of the case: a look like every other, recorded before it is answered."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from services.cases import coming_store
from services.cases.domain import overview as overviews
from services.cases.domain.access_terms import Action
from services.cases.domain.grantors import age_on
from services.cases.errors import DeniedError
from services.cases.handlers.desk import Desk, deny, look, meet, record
from services.cases.plain.answer import OverviewView
from services.cases.plain.writing import Document, Words, write
from services.cases.records import GOAL, STRENGTHS, Text
from services.cases.store import Located
from shared.aggregate import Context
from shared.clock import oslo_day
from shared.contracts.codes import InformationCategory, Language
from shared.refs import CaseRef, GoalRef

WORDS = frozenset({InformationCategory.MEASURES, InformationCategory.PLAN})
"""The kinds of information whose words stand in it: goals of measures, of the team and the plan, and what measures build on."""


async def read_overview(
    desk: Desk, ctx: Context, case: CaseRef, *, asked: Language | None, preferred: Language
) -> tuple[OverviewView, Document, int]:
    """Return the overview, in words too: in the language asked for, else the guardian's own, else what the client prefers.

    Raises:
        UnknownPartError, DeniedError: there is no such case, or the actor is neither guardian of the child nor the child, or not of
            the age; a denial is recorded.
    """
    located, acting = await meet(desk, ctx, case)
    today = oslo_day(ctx.now)
    try:
        async with desk.pool.acquire() as conn, conn.transaction():
            looked = await look(desk, ctx, conn, located, acting, Action.READ_OVERVIEW)
            child = await desk.records.child(conn, located.case)
            row = desk.rules.insight_row(age_on(child.born, today), today)
            meetings = await coming_store.of_case(conn, located.case)
            seen = overviews.decide_overview(looked.state, acting, looked.permit.relation, row, ctx.now, meetings)
            guardians = await desk.records.guardians(conn, located.case)
            readable = WORDS & looked.permit.categories
            if seen.words_withheld:
                readable = frozenset()
            elif seen.reader == "guardian":
                readable -= row.withheld
            wanted = {f"{GOAL}{goal}" for goal in seen.goals}
            wanted |= {f"{STRENGTHS}{one.goal}" for one in seen.help}
            kinds = (GOAL, STRENGTHS)
            texts = await desk.records.texts(conn, located.case, readable, kinds) if wanted and readable else []
            texts = [text for text in texts if text.record in wanted]
            goals, strengths = ({GoalRef(ref): words for ref, words in _words(texts, kind)} for kind in kinds)
            shown = frozenset({InformationCategory.IDENTITY, *(text.category for text in texts)})
            await record(desk, ctx, conn, looked, shown=shown)
    except DeniedError as denied:
        await deny(desk, ctx, located.case, denied)
    desk.journal.nudge()
    own = next((one.language for one in guardians if one.actor == acting.actor), None)
    language = asked or own or preferred
    offers = _offers(desk, located, {one.code for one in seen.help}, language)
    document = write(seen, Words(name=child.name, goals=goals, strengths=strengths, offers=offers), language)
    view = OverviewView(overview=seen, name=child.name, goals=goals, strengths=strengths, text=document)
    return view, document, looked.version


def _words(texts: Iterable[Text], kind: str) -> Iterator[tuple[str, str]]:
    """Yield whose words of this kind there are, and what they say."""
    return ((one.record.removeprefix(kind), one.text) for one in texts if one.record.startswith(kind))


def _offers(desk: Desk, located: Located, codes: set[str], language: Language) -> dict[str, str]:
    """Return what the municipality calls these measures, as far as it says."""
    profile = desk.profiles.get(located.municipality)
    known = [] if profile is None else [profile.cases.offer(code) for code in codes]
    return {offer.code: offer.text.in_(language) for offer in known if offer is not None}
