"""What `lagspill-client` decides without a server: models from the schemas, tolerant reading, signatures."""

from __future__ import annotations

import ast
import json
import tomllib
from pathlib import Path
from typing import Any

import lagspill_client
import pytest
from hypothesis import given
from hypothesis import strategies as st
from lagspill_client import Event, SignatureRefusedError, UnreadableError, events, read, verify
from lagspill_client.inbox import Loss, found_loss
from lagspill_client.records import read_envelope

from services.notify.signatures import headers, new_secret, written
from shared.contracts import EVENTS, client_models
from shared.contracts.schemas import FOLDER

PACKAGE = Path(lagspill_client.__file__).parent
SECRET = new_secret()
NOW = 1_788_739_200


def example(event_type: str) -> dict[str, Any]:
    """The record that the type's schema shows."""
    [record] = json.loads((FOLDER / f"{event_type}.json").read_bytes())["examples"]
    found: dict[str, Any] = record
    return found


WITHDRAWN = example(events.ConsentWithdrawn.TYPE)


def test_what_it_depends_on() -> None:
    """On what its reader has anyway, and on no code of the services."""
    project = tomllib.loads((PACKAGE.parent / "pyproject.toml").read_text())["project"]
    assert [each.partition(">")[0] for each in project["dependencies"]] == ["asyncpg", "faststream[kafka]", "pydantic"]
    imported = {
        (node.module if isinstance(node, ast.ImportFrom) else node.names[0].name) or ""
        for path in PACKAGE.glob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom | ast.Import)
    }
    assert not {name for name in imported if name.split(".")[0] in {"shared", "services", "deploy", "tests"}}


def test_models_that_are_out_of_date_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "events.py"
    monkeypatch.setattr(client_models, "MODELS", file)
    assert client_models.main(["--check"]) == 1
    assert (client_models.main([]), client_models.main(["--check"])) == (0, 0)
    file.write_text(file.read_text(encoding="utf-8") + "# by hand\n", encoding="utf-8")
    assert client_models.main(["--check"]) == 1


def test_every_type_has_a_model_that_says_what_the_services_own_says() -> None:
    """The example of each schema is read by both, to the same."""
    assert events.EVENTS.keys() == EVENTS.keys()
    for name, ours in EVENTS.items():
        record = example(name)
        event = read(json.dumps(record).encode())
        assert event is not None
        assert type(event.data) is events.EVENTS[name]
        assert event.data.TOPIC == ours.TOPIC
        there = ours.model_validate_json(json.dumps(record["data"])).model_dump(mode="json", exclude_none=True)
        assert _sets_sorted(event.data.model_dump(mode="json", exclude_none=True)) == _sets_sorted(there), name


def _sets_sorted(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _sets_sorted(part) for key, part in value.items()}
    if isinstance(value, list):
        return sorted((_sets_sorted(part) for part in value), key=json.dumps)
    return value


@given(st.sampled_from(sorted(EVENTS)), st.text(min_size=1), st.recursive(st.none() | st.integers(), st.lists))
def test_a_field_of_tomorrow_is_passed_by(name: str, field: str, value: Any) -> None:
    record = example(name)
    grown = {f"x{field}": value, **record, "data": {f"x{field}": value, **record["data"]}}
    assert read(json.dumps(grown).encode()) == read(json.dumps(record).encode())


def test_a_type_of_tomorrow_is_passed_by() -> None:
    tomorrow = {**WITHDRAWN, "type": "no.lagspill.cases.consent.withdrawn.v2"}
    assert read(json.dumps(tomorrow).encode()) is None


@pytest.mark.parametrize(
    "wrong",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"NaN",
        b'"' + b"x" * 65_536 + b'"',
        *(json.dumps({key: value for key, value in WITHDRAWN.items() if key != gone}).encode() for gone in
          ("specversion", "id", "source", "type", "subject", "sourcesequence", "municipality", "data")),
        json.dumps({**WITHDRAWN, "source": "/services/notify"}).encode(),
        json.dumps({**WITHDRAWN, "data": {**WITHDRAWN["data"], "version": 0}}).encode(),
        json.dumps({**WITHDRAWN, "data": {**WITHDRAWN["data"], "consent": "Solstråle"}}).encode(),
        json.dumps({**WITHDRAWN, "sequence": "7"}).encode(),
    ],
)  # fmt: skip
def test_what_is_no_event_is_unreadable_and_not_quoted(wrong: bytes) -> None:
    with pytest.raises(UnreadableError) as refused:
        read(wrong)
    assert "Solstr" not in str(refused.value)


@given(st.integers(0, 50), st.integers(1, 50))
def test_a_gap_is_what_lies_between(last: int, count: int) -> None:
    envelope, _ = read_envelope(json.dumps({**WITHDRAWN, "sequence": str(count).zfill(20)}).encode())
    loss = found_loss(envelope, last)
    missing = list(range(last + 1, count))
    assert (loss is None) == (not missing)
    if loss is not None:
        assert loss == Loss("/services/cases", missing[0], missing[-1], subject=WITHDRAWN["subject"])


@given(st.binary(max_size=200), st.integers(-300, 300))
def test_what_lagspill_signs_is_believed_for_five_minutes(body: bytes, late: int) -> None:
    for keys in ([SECRET], [new_secret(), SECRET]):
        verify(written(SECRET), headers(keys, "1", NOW, body), body, now=NOW + late)
        verify([written(new_secret()), written(SECRET)], headers(keys, "1", NOW, body), body, now=NOW + late)


GOOD = headers([SECRET], "1", NOW, b"{}")


@pytest.mark.parametrize(
    ("given_headers", "body", "late"),
    [
        ({}, b"{}", 0),
        (headers([new_secret()], "1", NOW, b"{}"), b"{}", 0),
        (GOOD, b"{}", 301),
        (GOOD, b"{}", -301),
        (GOOD, b"{} ", 0),
        ({**GOOD, "webhook-id": "2"}, b"{}", 0),
        ({**GOOD, "webhook-timestamp": str(NOW + 1)}, b"{}", 0),
        ({**GOOD, "webhook-timestamp": "soon"}, b"{}", 0),
        ({**GOOD, "webhook-timestamp": "١٢٣"}, b"{}", 0),
        ({**GOOD, "webhook-signature": GOOD["webhook-signature"].replace("v1,", "v2,")}, b"{}", 0),
        ({**GOOD, "webhook-signature": ""}, b"{}", 0),
        ({**GOOD, "webhook-signature": "v1,é"}, b"{}", 0),
    ],
)
def test_what_nobody_signed_just_now_is_refused(given_headers: dict[str, str], body: bytes, late: int) -> None:
    with pytest.raises(SignatureRefusedError):
        verify(written(SECRET), given_headers, body, now=NOW + late)


@pytest.mark.parametrize("secret", ["", "whsec_", "whsec_not base64!"])
def test_a_secret_that_is_none_is_said_at_once(secret: str) -> None:
    """And signs nothing: an empty key would be anybody's."""
    with pytest.raises(ValueError, match="whsec_"):
        verify(secret, GOOD, b"{}", now=NOW)


def test_the_names_of_headers_may_come_in_any_case() -> None:
    verify(written(SECRET), {name.title(): value for name, value in GOOD.items()}, b"{}", now=NOW)


def test_one_type_has_one_handler() -> None:
    subscriber = lagspill_client.Subscriber("s")

    @subscriber.on(events.ConsentWithdrawn, events.ConsentExpired)
    async def stop(
        tx: lagspill_client.Connection, event: Event[events.ConsentWithdrawn | events.ConsentExpired]
    ) -> None:
        """Do nothing."""

    assert subscriber.topics == ("lagspill.cases.v1",)
    with pytest.raises(ValueError, match="withdrawn"):
        subscriber.on(events.ConsentWithdrawn)(stop)
    assert lagspill_client.Subscriber("s", topics=["lagspill.cases.v1"], whole=True).topics == (
        "lagspill.cases.v1",
        "lagspill.access.v1",
    )
