"""The municipality's thresholds: what is worth a person's time. Data, validated, each with its reason."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from typing import Annotated, Final

import yaml
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

from shared.calendar import add_working_days, end_of_day, is_working_day
from shared.clock import OSLO
from shared.contracts.codes import Service
from shared.plain_yaml import read_yaml
from shared.refs import LogScope, LogScopeField

REPORT_WITHIN: Final = timedelta(hours=72)
"""GDPR art. 33(1): law, and so no setting."""
Reason = Annotated[str, StringConstraints(min_length=20, max_length=500)]


class PolicyError(ValueError):
    """The policy cannot be used; the message says where, and why."""


class _Line(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class _Threshold(_Line):
    reason: Reason
    """Why this and not another number: subsequent control must itself be proportionate (GDPR art. 5)."""
    enabled: bool = True


class WithoutRelationPolicy(_Threshold):
    """Looks by whom the log shows no relation to the case."""

    looks: int = Field(ge=1, le=100)
    """From how many a finding is raised, refused ones counted too."""
    within_days: int = Field(ge=1, le=365)
    grace_days: int = Field(ge=0, le=90)
    """How long after a relation has ended a look is no finding: nobody tells everybody at once."""


class ManyChildrenPolicy(_Threshold):
    """Many children in a short time."""

    children: int = Field(ge=2, le=10_000)
    minutes: int = Field(ge=1, le=1440)


class OutsideHoursPolicy(_Threshold):
    """Outside working hours."""

    opens: time
    closes: time
    children: int = Field(ge=1, le=1000)
    """From so many children ..."""
    looks: int = Field(ge=1, le=10_000)
    """... or so many looks."""
    within_hours: int = Field(ge=1, le=168)
    exempt: frozenset[Service] = frozenset()
    """Services on duty round the clock."""
    closed_in_school_holidays: frozenset[Service] = frozenset()

    @model_validator(mode="after")
    def _in_order(self) -> OutsideHoursPolicy:
        if self.closes <= self.opens:
            raise ValueError("the day closes before it opens")
        return self


class LeavingPolicy(_Threshold):
    """By someone about to leave."""

    children: int = Field(ge=1, le=1000)
    """Children whose baton the person does not hold."""
    within_hours: int = Field(ge=1, le=168)
    exports: int = Field(ge=1, le=100)
    notice_days: int = Field(ge=1, le=365)
    """How long after it is known the looks are watched."""


class RepeatedDenialsPolicy(_Threshold):
    """Refused again and again."""

    denials: int = Field(ge=2, le=10_000)
    within_hours: int = Field(ge=1, le=168)


class BreakGlassPolicy(_Threshold):
    """Glass broken, and not reviewed."""

    working_days: int = Field(ge=0, le=30)


class ReceiptPolicy(_Threshold):
    """A service that has not said that it acted on a withdrawal."""


class Policy(_Line):
    """Everything that a municipality decides about its patterns."""

    without_relation: WithoutRelationPolicy
    many_children: ManyChildrenPolicy
    outside_hours: OutsideHoursPolicy
    leaving: LeavingPolicy
    repeated_denials: RepeatedDenialsPolicy
    break_glass_unreviewed: BreakGlassPolicy
    receipt_missing: ReceiptPolicy
    explain_within_working_days: int = Field(ge=1, le=60)
    patience_minutes: int = Field(ge=1, le=120)
    """How long, in the log's own time, something that another entry could explain waits for it."""

    @property
    def patience(self) -> timedelta:
        """Return `patience_minutes`."""
        return timedelta(minutes=self.patience_minutes)


class Closed(_Line):
    """Days of the municipality's own calendar, both included."""

    first: date
    last: date


class Rules(BaseModel):
    """A municipality's policy and its school holidays."""

    model_config = ConfigDict(frozen=True)

    policy: Policy
    school_holidays: tuple[Closed, ...] = ()

    def outside(self, moment: datetime, service: Service | None) -> bool:
        """Return whether that is outside the working hours of the service, in Norway's time."""
        hours = self.policy.outside_hours
        if service in hours.exempt:
            return False
        local = moment.astimezone(OSLO)
        day = local.date()
        if not is_working_day(day) or not hours.opens <= local.time() < hours.closes:
            return True
        return service in hours.closed_in_school_holidays and any(
            closed.first <= day <= closed.last for closed in self.school_holidays
        )

    def explain_by(self, raised: datetime) -> datetime:
        """Return until when a finding raised at that moment is to be explained."""
        return _working_days_after(raised, self.policy.explain_within_working_days)

    def review_by(self, broken: datetime) -> datetime:
        """Return until when it is to be reviewed that glass was broken at that moment."""
        return _working_days_after(broken, self.policy.break_glass_unreviewed.working_days)


def _working_days_after(moment: datetime, count: int) -> datetime:
    return end_of_day(add_working_days(moment.astimezone(OSLO).date(), count))


class Policies:
    """The policies of every municipality."""

    def __init__(self, default: Policy, of: Mapping[LogScope, Policy], holidays: Mapping[LogScope, tuple[Closed, ...]]):
        self._default = Rules(policy=default)
        scopes = of.keys() | holidays.keys()
        self._of = {
            scope: Rules(policy=of.get(scope, default), school_holidays=holidays.get(scope, ())) for scope in scopes
        }

    def rules(self, scope: LogScope) -> Rules:
        """Return the rules for a log; a protected one's municipality is not known, so it has the default."""
        return self._of.get(scope, self._default)


class _File(_Line):
    default: Policy
    municipalities: dict[LogScopeField, dict[str, object]] = {}


def read_policies(text: str, holidays: Mapping[LogScope, tuple[Closed, ...]], name: str = "patterns.yaml") -> Policies:
    """Return the policies that `text` (YAML) describes. What a municipality names stands in place of the default's section.

    Raises:
        PolicyError: it is not YAML, or a section is unknown, incomplete, out of range, or without its reason.
    """
    try:
        file = _File.model_validate(read_yaml(text))
        default = file.default.model_dump()
        of = {scope: Policy.model_validate({**default, **own}) for scope, own in file.municipalities.items()}
    except yaml.YAMLError as error:
        raise PolicyError(f"{name} is not YAML: {error}") from error
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(map(str, part['loc']))}: {part['msg']}" for part in error.errors())
        raise PolicyError(f"{name}: {wrong}") from error
    return Policies(file.default, of, holidays)
