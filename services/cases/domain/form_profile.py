"""What a municipality decides about transition forms: the `forms:` part of its profile's `cases` (seed rules 13, 14, 85)."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from services.cases.errors import (
    FormByTemplateError,
    FormFieldMissingError,
    FormFieldUnknownError,
    FormTemplateMissingError,
)
from shared.contracts.codes import InformationCategory
from shared.profiles import Document, Line, Rule, Rules, Text

Code = Annotated[str, StringConstraints(pattern=r"^[a-z0-9-]{2,60}$")]
DayOfYear = Annotated[str, StringConstraints(pattern=r"^(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$")]
"""Month and day, for example 05-31."""
FormType = Literal["barnehage-to-school", "school-to-school"]


class FormField(Line):
    """One question of a form, and what kind of information its answer is."""

    code: Code
    category: InformationCategory
    text: Text
    required: bool = False


class Window(Line):
    """From which day to which, in the year of the school start, the form is sent (seed rule 13)."""

    first: DayOfYear
    last: DayOfYear
    rule: Rule

    def days(self, year: int) -> tuple[date, date]:
        """Return its first and last day in `year`."""
        return _day(year, self.first), _day(year, self.last)


class FormTemplate(Line):
    """The form of one transition."""

    type: FormType
    fields: tuple[FormField, ...] = Field(min_length=1)
    window: Window
    approval: Literal["all-guardians", "one-guardian"] = "all-guardians"
    """Who must approve exactly the version that is sent (seed rule 14)."""
    remind_after_days: int = Field(default=7, ge=1, le=60)
    """Days after a version was written on which those who have not approved it are reminded."""
    rules: Rules

    def placed(self, answers: dict[str, str]) -> dict[tuple[InformationCategory, str], str]:
        """Return the answers to its fields, with the category of each."""
        return {(field.category, field.code): answers[field.code] for field in self.fields if field.code in answers}

    def categories(self, answered: frozenset[str]) -> frozenset[InformationCategory]:
        """Return what a version with answers to these fields says something of (seed rule 85).

        Raises:
            FormFieldUnknownError: the form has no such field; the error names those.
            FormFieldMissingError: a required field has no answer; the error names those.
        """
        if unknown := sorted(answered - {field.code for field in self.fields}):
            raise FormFieldUnknownError(extensions={"fields": [*unknown]})
        missing = [field.code for field in self.fields if field.required and field.code not in answered]
        if missing:
            raise FormFieldMissingError(extensions={"fields": [*missing]})
        return frozenset(field.category for field in self.fields if field.code in answered)


def written_of(
    template: FormTemplate | None, content: frozenset[InformationCategory], answered: frozenset[str]
) -> frozenset[InformationCategory]:
    """Return what a version says something of: by the template, and freely only where there is none (seed rule 85).

    Raises:
        FormTemplateMissingError: there are answers, and no template.
        FormByTemplateError: there is free content, and a template; the error names its fields.
        FormFieldUnknownError, FormFieldMissingError: see `FormTemplate.categories`.
    """
    if template is None:
        if answered:
            raise FormTemplateMissingError
        return content
    if content:
        raise FormByTemplateError(extensions={"fields": [field.code for field in template.fields]})
    return template.categories(answered)


def check_forms(document: Document, forms: tuple[FormTemplate, ...]) -> None:
    """Refuse templates that do not hold together.

    Raises:
        ProfileError: one type twice, one field twice, or a window that ends before it begins.
    """
    document.each_once(["cases", "forms"], [one.type for one in forms])
    for index, form in enumerate(forms):
        document.each_once(["cases", "forms", index, "fields"], [field.code for field in form.fields])
        if form.window.last < form.window.first:
            raise document.refusal(["cases", "forms", index, "window"], "the window ends before it begins")


def _day(year: int, month_and_day: str) -> date:
    month, _, day = month_and_day.partition("-")
    # The 29th of February, and the like, is the last day of the month where there is none.
    for last in range(int(day), 27, -1):
        try:
            return date(year, int(month), last)
        except ValueError:
            continue
    return date(year, int(month), int(day))
