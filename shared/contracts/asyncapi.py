"""The AsyncAPI 3.0 document: which topics there are, what is published on them by whom, keyed by what."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import Final

from pydantic import JsonValue

from shared.contracts.base import EventData
from shared.contracts.compatibility import JsonObject

BINDING: Final = "0.5.0"
"""The version of AsyncAPI's Kafka binding."""
CONTENT_TYPE: Final = "application/cloudevents+json; charset=UTF-8"
TITLES: Final = {
    "cases": "Concerns, cases, consents, measures, handovers and transition forms",
    "meetings": "Arenas, meetings, agenda items and outcomes",
    "notify": "Messages and deadlines: that somebody was told, never what about whom",
    "audit": "Checkpoints of the confidentiality log, and what was found wrong",
    "access": "Access records of every service: who looked at or shared what, on which basis",
}

Entry = tuple[type[EventData], str, JsonObject, tuple[str, ...]]
"""An event type, the name of its data among the definitions, its whole schema, and the services that publish it."""


def document(entries: Iterable[Entry], definitions: Mapping[str, JsonObject], *, envelope: str) -> JsonObject:
    """Return the document; `definitions` are the models by name, `envelope` is the name of the envelope's."""
    entries = list(entries)
    topics = sorted({event.TOPIC for event, *_ in entries})
    return {
        "asyncapi": "3.0.0",
        "id": "urn:no:lagspill",
        "info": {
            "title": "Lagspill",
            "version": _version(),
            "description": (
                "Events about the team around a child. They carry opaque references, codes and times; never a name, a "
                "number, an address or free text. Delivery is at least once and ordered per key: recognise a duplicate "
                "by `source` and `id`, and a loss by `sourcesequence`, which is gap-free per source and municipality. "
                "Within v1 only optional fields are added: ignore what you do not know."
            ),
            "license": {"name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"},
            "tags": [{"name": _name(topic), "description": TITLES.get(_name(topic), "")} for topic in topics],
        },
        "defaultContentType": CONTENT_TYPE,
        "servers": {
            "municipality": {
                "host": "{broker}",
                "protocol": "kafka-secure",
                "description": "The brokers of a municipality, or of municipalities together.",
                "variables": {"broker": {"description": "host:port", "examples": ["kafka.example.no:9093"]}},
            },
            "local": {"host": "127.0.0.1:9092", "protocol": "kafka", "description": "Everything on one machine."},
        },
        "channels": {_name(topic): _channel(topic, entries) for topic in topics},
        "operations": dict(sorted(_operations(entries))),
        "components": {
            "messages": {event.TYPE: _message(event, name, schema, envelope) for event, name, schema, _ in entries},
            "schemas": {name: _plain(schema) for name, schema in sorted(definitions.items())},
        },
    }


def _channel(topic: str, entries: Iterable[Entry]) -> JsonObject:
    return {
        "address": topic,
        "title": TITLES.get(_name(topic), topic),
        "messages": {
            event.TYPE: {"$ref": f"#/components/messages/{event.TYPE}"} for event, *_ in entries if topic == event.TOPIC
        },
        "tags": [{"name": _name(topic)}],
        "bindings": {"kafka": {"topic": topic, "bindingVersion": BINDING}},
    }


def _operations(entries: Iterable[Entry]) -> Iterable[tuple[str, JsonObject]]:
    published: dict[tuple[str, str], list[str]] = {}
    for event, _, _, services in entries:
        for service in services:
            published.setdefault((service, event.TOPIC), []).append(event.TYPE)
    for (service, topic), types in published.items():
        yield (
            f"{service}-publishes-{_name(topic)}",
            {
                "action": "send",
                "title": f"The {service} service publishes {_name(topic)}",
                "channel": {"$ref": f"#/channels/{_name(topic)}"},
                "messages": [{"$ref": f"#/channels/{_name(topic)}/messages/{name}"} for name in types],
            },
        )


def _message(event: type[EventData], name: str, schema: JsonObject, envelope: str) -> JsonObject:
    properties = schema["properties"]
    fixed = _pick(properties, ("source", "type", "dataschema"))
    keyed = _pick(properties, ("subject", "partitionkey"))
    examples = schema["examples"]
    required = schema["required"]
    return {
        "name": event.TYPE,
        "title": event.__name__,
        "summary": " ".join(str(schema["description"]).split("\n\n")[0].split()),
        "contentType": CONTENT_TYPE,
        "correlationId": {"location": "$message.payload#/correlationid"},
        "headers": {
            "type": "object",
            "properties": {"content-type": {"const": CONTENT_TYPE}},
            "required": ["content-type"],
        },
        "payload": {
            "allOf": [
                {"$ref": f"#/components/schemas/{envelope}"},
                {
                    "type": "object",
                    "properties": {**fixed, **keyed, "data": {"$ref": f"#/components/schemas/{name}"}},
                    "required": required,
                },
            ]
        },
        "examples": [
            {"name": event.__name__, "headers": {"content-type": CONTENT_TYPE}, "payload": payload}
            for payload in (examples if isinstance(examples, list) else [])
        ],
        "bindings": {"kafka": {"key": keyed["partitionkey"], "bindingVersion": BINDING}},
    }


def _pick(properties: JsonValue, names: Iterable[str]) -> JsonObject:
    return {name: properties[name] for name in names} if isinstance(properties, dict) else {}


def _plain(schema: JsonValue) -> JsonValue:
    """Return `schema` for a draft-07 reader, as AsyncAPI's is: what stands beside a `$ref` would be ignored."""
    if isinstance(schema, list):
        return [_plain(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    plain: JsonObject = {name: _plain(part) for name, part in schema.items()}
    if isinstance(plain.get("$ref"), str) and len(plain) > 1:
        return {"allOf": [{"$ref": plain.pop("$ref")}], **plain}
    return plain


def _name(topic: str) -> str:
    return topic.split(".")[1]


def _version() -> str:
    try:
        return version("lagspill")
    except PackageNotFoundError:
        return "0"
