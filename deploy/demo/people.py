"""Who plays in the story. All of them are invented; national numbers have month + 80 and belong to nobody."""

from __future__ import annotations

from typing import Final

from pydantic import JsonValue

from deploy.demo.stage import Person
from deploy.local.identity import claims_of

TEACHER: Final = Person("teacher", "The barnehage teacher")
COLLEAGUE: Final = Person("colleague", "A colleague of hers")
PEDAGOGICAL_LEADER: Final = Person("pedagogical-leader", "The pedagogical leader")
LEADER: Final = Person("styrer", "The leader of the barnehage")
RECTOR: Final = Person("rektor", "The school's leader")
CONTACT_TEACHER: Final = Person("contact-teacher", "The contact teacher at the school")
PPT: Final = Person("ppt-adviser", "The PPT adviser")
NURSE: Final = Person("health-nurse", "The health nurse")
HEALTH_LEADER: Final = Person("health-leader", "The leader of helsestasjon")
PPT_LEADER: Final = Person("ppt-leader", "The leader of PPT")
CHILD_WELFARE: Final = Person("child-welfare-officer", "The child welfare officer")
CURIOUS: Final = Person("curious-employee", "An employee of another barnehage")
BUP: Final = Person("bup-clinician", "The BUP clinician")
COORDINATOR: Final = Person("coordinator", "The coordinator")
AUDITOR: Final = Person("auditor", "The auditor")
PRIVACY_OFFICER: Final = Person("privacy-officer", "The privacy officer")
NEIGHBOURS_AUDITOR: Final = Person("auditor-skien", "Skien's auditor")
GUARDIAN_A: Final = Person("guardian-a", "Guardian A")
GUARDIAN_B: Final = Person("guardian-b", "Guardian B")
PARENT_ELSEWHERE: Final = Person("guardian-elsewhere", "A parent of another child, in another municipality")

CHILD_NAME: Final = "Solstråle Eksempelsen"
CHILD_NUMBER: Final = "15912156831"
CONCERN_TEXT: Final = "Sier lite, og trekker seg unna når de andre leker."
GOAL_TEXT: Final = "Er med i leken med ord, hver dag."
VIEW_TEXT: Final = "Vil ha hjelp med ordene, og vil ha med seg bamsen."


def number_of(person: Person) -> str:
    """Return the national number that the identity server gives `person`."""
    return str(claims_of(person.client)["pid"])


def family() -> dict[str, JsonValue]:
    """Return the child and both guardians, as whoever registers a concern writes them."""
    return {
        "child": {"name": CHILD_NAME, "national_number": CHILD_NUMBER},
        "guardians": [
            {
                "name": "Fjellblom Eksempelsen",
                "national_number": number_of(GUARDIAN_A),
                "language": "nn",
                "email": "foresatt-a@example.no",
            },
            {
                "name": "Havbris Eksempelsen",
                "national_number": number_of(GUARDIAN_B),
                "language": "en",
                "email": "foresatt-b@example.no",
            },
        ],
    }


def secrets() -> tuple[str, ...]:
    """Return the words that may stand in the vault and nowhere else."""
    return (
        "Solstråle",
        "Eksempelsen",
        "Fjellblom",
        "Havbris",
        CHILD_NUMBER,
        number_of(GUARDIAN_A),
        number_of(GUARDIAN_B),
        "foresatt-a",
        "foresatt-b",
        "trekker seg",
        "leken",
        "bamsen",
        "samtale holdt",
        "fire saker",
        "liten gruppe",
        "Innlagt akutt",
    )
