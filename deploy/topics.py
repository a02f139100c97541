"""Topics as declared in `deploy/topics.yaml`: made where they are missing, compared where they stand."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import TopicAlreadyExistsError, for_code
from pydantic import BaseModel, ConfigDict

from shared.plain_yaml import read_yaml

TOPICS: Final = Path(__file__).with_name("topics.yaml")
SHOWN_WITHIN: Final = 30.0
"""Seconds from when a topic is accepted to when every broker must show it."""


class _Settings(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    partitions: int | None = None
    replication_factor: int | None = None
    config: Mapping[str, str] = {}


class _File(_Settings):
    topics: Mapping[str, _Settings]
    profiles: Mapping[str, _Settings] = {}


@dataclass(frozen=True)
class Topic:
    """One topic as it shall be."""

    name: str
    partitions: int
    replication_factor: int
    config: Mapping[str, str]


@dataclass(frozen=True)
class Drift:
    """One way in which a cluster differs from the declaration."""

    topic: str
    what: str
    declared: str
    found: str


def declared(profile: str | None = None, file: Path = TOPICS) -> list[Topic]:
    """Return the declared topics; a `profile` ("local") overrides the file's defaults where a topic says nothing itself.

    Raises:
        KeyError: the file has no such profile.
        pydantic.ValidationError: the file is not well formed.
    """
    content = _File.model_validate(read_yaml(file.read_text()))
    override = content.profiles[profile] if profile else _Settings()
    topics = []
    for name, own in content.topics.items():
        partitions = own.partitions or override.partitions or content.partitions or 1
        replicas = own.replication_factor or override.replication_factor or content.replication_factor or 1
        topics.append(Topic(name, partitions, replicas, {**content.config, **override.config, **own.config}))
    return topics


async def create_missing(admin: AIOKafkaAdminClient, topics: Sequence[Topic]) -> list[str]:
    """Make those of `topics` that the cluster does not have; return the names of those made, when the cluster shows them.

    Raises:
        aiokafka.errors.KafkaError: the cluster refuses one.
        TimeoutError: it has accepted one and does not show it within SHOWN_WITHIN seconds.
    """
    present = set(await admin.list_topics())
    missing = [topic for topic in topics if topic.name not in present]
    if not missing:
        return []
    answer = await admin.create_topics(
        [NewTopic(one.name, one.partitions, one.replication_factor, topic_configs=dict(one.config)) for one in missing]
    )
    made = []
    for name, code, message in answer.topic_errors:
        if not code:
            made.append(name)
        elif for_code(code) is not TopicAlreadyExistsError:
            raise for_code(code)(f"{name}: {message}")
    # The controller answers before the brokers know: who produced at once would be told that there is no such topic.
    async with asyncio.timeout(SHOWN_WITHIN):
        while not {topic.name for topic in missing} <= set(await admin.list_topics()):  # noqa: ASYNC110 - Kafka tells nobody when
            await asyncio.sleep(0.02)
    return made


async def find_drift(admin: AIOKafkaAdminClient, topics: Sequence[Topic]) -> list[Drift]:
    """Return every difference between the declaration and the cluster."""
    present = {found["topic"]: found for found in await admin.describe_topics() if not found["is_internal"]}
    drift = [Drift(topic.name, "topic", "present", "missing") for topic in topics if topic.name not in present]
    for topic in topics:
        if topic.name not in present:
            continue
        partitions = present[topic.name]["partitions"]
        if len(partitions) != topic.partitions:
            drift.append(Drift(topic.name, "partitions", str(topic.partitions), str(len(partitions))))
        replicas = min(len(partition["replicas"]) for partition in partitions)
        if replicas != topic.replication_factor:
            drift.append(Drift(topic.name, "replication factor", str(topic.replication_factor), str(replicas)))
        config = await _config(admin, topic.name)
        drift += [
            Drift(topic.name, name, value, config.get(name, "unset"))
            for name, value in topic.config.items()
            if config.get(name) != value
        ]
    ours = {topic.name for topic in topics}
    drift += [
        Drift(name, "topic", "absent", "present")
        for name in sorted(present)
        if name.startswith("lagspill.") and name not in ours
    ]
    return drift


async def _config(admin: AIOKafkaAdminClient, topic: str) -> dict[str, str]:
    answers = await admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, topic)])
    return {entry[0]: entry[1] for answer in answers for resource in answer.resources for entry in resource[4]}


async def fitting_profile(admin: AIOKafkaAdminClient) -> str | None:
    """Return "local" for a cluster that has fewer nodes than the declared replicas, else None: the file's defaults."""
    nodes = len((await admin.describe_cluster())["brokers"])
    return "local" if nodes < max(topic.replication_factor for topic in declared()) else None
