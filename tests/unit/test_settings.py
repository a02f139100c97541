"""Settings: from the environment, from files, and what a service refuses to start with."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from shared.settings import MAX_FILE, ServiceSettings, SettingsFileError

SECRET = "a secret of more than thirty-two characters"
NEEDED = {
    "DATABASE_URL": "postgresql://user:sesam@host/cases",
    "KAFKA_BOOTSTRAP_SERVERS": "host:9092",
    "OIDC_ISSUER": "https://issuer.example",
    "PID_KEY": SECRET,
}


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ServiceSettings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
        monkeypatch.delenv(f"{name.upper()}_FILE", raising=False)
    for name, value in NEEDED.items():
        monkeypatch.setenv(name, value)


def read_environment() -> ServiceSettings:
    return ServiceSettings()


def test_the_environment_is_enough() -> None:
    settings = read_environment()
    assert settings.database_url.get_secret_value() == NEEDED["DATABASE_URL"]
    assert (settings.oidc_audience, settings.http_host, settings.lagspill_clock) == ("lagspill", "127.0.0.1", "system")
    assert settings.otel_exporter_otlp_endpoint is None
    assert settings.lagspill_development is False


def test_secrets_are_never_shown() -> None:
    shown = repr(read_environment()) + str(read_environment().model_dump())
    assert SECRET not in shown
    assert "sesam" not in shown


def test_a_secret_from_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "pid"
    file.write_text(SECRET + "x\n", encoding="utf-8")
    monkeypatch.delenv("PID_KEY")
    monkeypatch.setenv("PID_KEY_FILE", str(file))
    assert read_environment().pid_key.get_secret_value() == SECRET + "x"


def test_both_a_value_and_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PID_KEY_FILE", str(tmp_path / "pid"))
    with pytest.raises(SettingsFileError, match="both PID_KEY and PID_KEY_FILE"):
        read_environment()


@pytest.mark.parametrize("content", [None, b"\xff\xfe", b"x" * (MAX_FILE + 1)])
def test_a_file_that_cannot_be_used(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "pid"
    if content is not None:
        file.write_bytes(content)
    monkeypatch.delenv("PID_KEY")
    monkeypatch.setenv("PID_KEY_FILE", str(file))
    with pytest.raises(SettingsFileError, match="PID_KEY_FILE"):
        read_environment()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PID_KEY", "too short"),
        ("LOOKUP_KEY", "too short"),
        ("HTTP_PORT", "70000"),
        ("LAGSPILL_CLOCK", "sundial"),
        ("LAGSPILL_CLOCK", "simulated"),
        ("LAGSPILL_CLOCK_START", "2026-09-07T10:00:00"),
        ("LOG_LEVEL", "LOUD"),
    ],
)
def test_what_a_service_does_not_start_with(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(ValidationError) as refused:
        read_environment()
    assert f"input_value='{value}'" not in str(refused.value), "a wrong secret is a secret too"


def test_a_simulated_clock_in_development(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAGSPILL_CLOCK", "simulated")
    monkeypatch.setenv("LAGSPILL_DEVELOPMENT", "1")
    monkeypatch.setenv("LAGSPILL_CLOCK_START", "2026-09-07T10:00:00+02:00")
    settings = read_environment()
    assert settings.lagspill_clock_start is not None
    assert settings.lagspill_clock_start.isoformat() == "2026-09-07T10:00:00+02:00"
