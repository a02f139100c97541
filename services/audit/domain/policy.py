"""Trust policies (C2SP tlog-policy): which logs and witnesses are known, and which of the witnesses are enough."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from services.audit.domain.checkpoint import Checkpoint
from services.audit.domain.cosignature import CosignatureKey, moment_of
from services.audit.domain.note import ForgedNoteError, MalformedKeyError, Note, UnsignedNoteError, Verifier

NONE: Final = "none"
"""The quorum that asks for no cosignature."""
_FORBIDDEN: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
_BLANKS: Final = re.compile(r"[ \t]+")
_THRESHOLD: Final = re.compile(r"[1-9][0-9]{0,5}")


class MalformedPolicyError(ValueError):
    """The text is no policy; the message says which line, and why."""


@dataclass(frozen=True, slots=True)
class KnownLog:
    """A log: its key, whose name is the log's origin, and where it is."""

    key: Verifier
    url: str | None = None


@dataclass(frozen=True, slots=True)
class KnownWitness:
    """A witness: what the policy calls it, its key, and its submission prefix (tlog-witness)."""

    name: str
    key: CosignatureKey
    url: str | None = None


@dataclass(frozen=True, slots=True)
class Group:
    """Witnesses and groups of which at least `threshold` must have witnessed a checkpoint."""

    name: str
    threshold: int
    members: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a policy says of a checkpoint that one of its logs has signed."""

    checkpoint: Checkpoint
    cosigned: Mapping[str, int]
    """The witnesses that have cosigned it, by the policy's names, each with the time it states (POSIX seconds)."""
    met: bool
    """Whether they are enough."""


@dataclass(frozen=True, slots=True)
class Policy:
    """What a checkpoint needs in order to be accepted."""

    logs: tuple[KnownLog, ...]
    witnesses: tuple[KnownWitness, ...]
    groups: tuple[Group, ...]
    quorum: str

    @classmethod
    def parse(cls, text: bytes | str) -> Policy:
        """Read a policy file; names are opaque octets, as the specification has it.

        Raises:
            MalformedPolicyError: a line is not as it must be, or contradicts another.
        """
        if isinstance(text, bytes):
            text = text.decode("utf-8", "surrogateescape")
        reading = _Reading()
        for number, line in enumerate(text.split("\n"), start=1):
            if _FORBIDDEN.search(line):
                raise MalformedPolicyError(f"line {number}: a control character")
            words = [word for word in _BLANKS.split(line) if word]
            if not words or words[0].startswith("#"):
                continue
            try:
                reading.take(words)
            except MalformedKeyError as error:
                raise MalformedPolicyError(f"line {number}: {error}") from error
            except MalformedPolicyError as error:
                raise MalformedPolicyError(f"line {number}: {error}") from None
        return reading.done()

    def text(self) -> str:
        """Return the policy in its one canonical form."""
        lines = [_line("log", log.key.vkey, log.url) for log in self.logs]
        lines += [_line("witness", each.name, each.key.vkey, each.url) for each in self.witnesses]
        lines += [_line("group", group.name, str(group.threshold), *group.members) for group in self.groups]
        return "".join([*lines, _line("quorum", self.quorum)])

    def of_log(self, keys: Sequence[Verifier], url: str | None = None) -> Policy:
        """Return the same rule for the log with these keys alone."""
        return Policy(tuple(KnownLog(key, url) for key in keys), self.witnesses, self.groups, self.quorum)

    def met_by(self, cosigned: Collection[str]) -> bool:
        """Return whether these witnesses, by the policy's names, are enough."""
        met = {NONE, *cosigned}
        for group in self.groups:  # a group names only what stands above it
            if len(met & set(group.members)) >= group.threshold:
                met.add(group.name)
        return self.quorum in met

    def evaluate(self, note: bytes) -> Verdict:
        """Return what the policy says of a signed checkpoint.

        Raises:
            MalformedNoteError: the bytes are no signed note.
            MalformedCheckpointError: the note is no checkpoint.
            UnsignedNoteError: none of the policy's logs has signed it as its own.
            ForgedNoteError: a line names a log or a witness of the policy and is not its signature.
        """
        read = Note.parse(note)
        signers = read.signed_by([log.key for log in self.logs])
        cosigners = read.signed_by([witness.key for witness in self.witnesses])
        if not signers:
            raise UnsignedNoteError("none of the policy's logs has signed the checkpoint")
        checkpoint = Checkpoint.parse(read.text)
        if all(key.name != checkpoint.origin for key, _ in signers):
            raise ForgedNoteError(f"the checkpoint of {checkpoint.origin} is signed by another log")
        names = {witness.key: witness.name for witness in self.witnesses}
        cosigned = {names[key]: moment_of(line) for key, line in cosigners}
        return Verdict(checkpoint, cosigned, self.met_by(cosigned))


NO_WITNESSES: Final = Policy((), (), (), NONE)
"""The rule of a log that has no witnesses."""


class _Reading:
    """A policy file, line by line."""

    def __init__(self) -> None:
        self._logs: list[KnownLog] = []
        self._witnesses: list[KnownWitness] = []
        self._groups: list[Group] = []
        self._quorum: str | None = None
        self._names = {NONE}
        self._members: set[str] = set()

    def take(self, words: Sequence[str]) -> None:
        match words:
            case ["log", vkey, *url] if len(url) <= 1:
                self._log(vkey, *url)
            case ["witness", name, vkey, *url] if len(url) <= 1:
                self._witness(name, vkey, *url)
            case ["group", name, threshold, *members] if members:
                self._group(name, threshold, members)
            case ["quorum", name]:
                if self._quorum is not None:
                    raise MalformedPolicyError("a second quorum")
                if name not in self._names:
                    raise MalformedPolicyError(f"the quorum {_shown(name)} is not defined above")
                self._quorum = name
            case _:
                raise MalformedPolicyError(
                    "not a line of the form log, witness, group or quorum, or not with as many words as it has"
                )

    def _log(self, vkey: str, url: str | None = None) -> None:
        key = Verifier.parse(vkey)
        if any(known.key.public_key == key.public_key for known in self._logs):
            raise MalformedPolicyError("the same log key a second time")
        self._logs.append(KnownLog(key, url))

    def _witness(self, name: str, vkey: str, url: str | None = None) -> None:
        key = CosignatureKey.parse(vkey)
        if any(known.key.public_key == key.public_key for known in self._witnesses):
            raise MalformedPolicyError("the same witness key a second time")
        self._define(name)
        self._witnesses.append(KnownWitness(name, key, url))

    def _group(self, name: str, threshold: str, members: Sequence[str]) -> None:
        for member in members:
            if member == NONE or member not in self._names:
                raise MalformedPolicyError(f"the member {_shown(member)} is not defined above")
            if member in self._members:
                raise MalformedPolicyError(f"{_shown(member)} is a member of a group already")
            self._members.add(member)
        words = {"all": len(members), "any": 1}
        if threshold not in words and _THRESHOLD.fullmatch(threshold) is None:
            raise MalformedPolicyError("a group asks for all, any or a number of its members")
        least = words.get(threshold) or int(threshold)
        if least > len(members):
            raise MalformedPolicyError("a group asks for more members than it has")
        self._define(name)
        self._groups.append(Group(name, least, tuple(members)))

    def _define(self, name: str) -> None:
        if name in self._names:
            raise MalformedPolicyError(f"the name {_shown(name)} a second time")
        self._names.add(name)

    def done(self) -> Policy:
        if self._quorum is None:
            raise MalformedPolicyError("there is no quorum line")
        return Policy(tuple(self._logs), tuple(self._witnesses), tuple(self._groups), self._quorum)


def _line(*words: str | None) -> str:
    return " ".join(word for word in words if word is not None) + "\n"


def _shown(name: str) -> str:
    return ascii(name[:60])
