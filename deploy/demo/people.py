"""Who plays in the story. All of them are invented; national numbers have month + 80 and belong to nobody."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from pydantic import JsonValue

from deploy.demo.stage import Person
from deploy.local.identity import claims_of
from shared.testing.people import People

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


@dataclass(frozen=True)
class Guardian:
    """Who has parental responsibility, as whoever registers a concern writes it."""

    name: str
    number: str
    language: str = "nb"
    email: str | None = None

    def body(self) -> JsonValue:
        """Return it as it is sent."""
        return {
            "name": self.name,
            "national_number": self.number,
            "language": self.language,
            "email": self.email,
        }


@dataclass(frozen=True)
class Family:
    """A child and its guardians."""

    child: str
    number: str
    guardians: tuple[Guardian, ...]

    def body(self) -> dict[str, JsonValue]:
        """Return them as whoever registers a concern writes them."""
        return {
            "child": {"name": self.child, "national_number": self.number},
            "guardians": [each.body() for each in self.guardians],
        }

    def secrets(self) -> tuple[str, ...]:
        """Return what of them may stand in the vault and nowhere else."""
        people = [(self.child, self.number), *((each.name, each.number) for each in self.guardians)]
        mailboxes = [each.email.partition("@")[0] for each in self.guardians if each.email is not None]
        return (*(word for name, number in people for word in (*name.split(), number)), *mailboxes)


def invented(seed: int, *, age: int = 5) -> Family:
    """Return a family: the same one for the same seed."""
    people = People(seed)
    child, guardian = people.child(age=age), people.guardian()
    return Family(child.name, child.national_number, (Guardian(guardian.name, guardian.national_number),))


FAMILY: Final = Family(
    CHILD_NAME,
    CHILD_NUMBER,
    (
        Guardian("Fjellblom Eksempelsen", number_of(GUARDIAN_A), "nn", "foresatt-a@example.no"),
        Guardian("Havbris Eksempelsen", number_of(GUARDIAN_B), "en", "foresatt-b@example.no"),
    ),
)
"""Notodden's."""


OTHER_CHILDREN: Final = tuple(invented(100 + number) for number in range(11))
"""Other families of Notodden."""


def secrets() -> tuple[str, ...]:
    """Return the words that may stand in the vault and nowhere else."""
    return (
        *FAMILY.secrets(),
        *(word for family in OTHER_CHILDREN for word in family.secrets()),
        "trekker seg",
        "leken",
        "bamsen",
        "samtale holdt",
        "fire saker",
        "liten gruppe",
        "Innlagt akutt",
    )
