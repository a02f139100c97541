"""Trust policies: read, written, and judged as C2SP tlog-policy says, against a naive reading of the same rules."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.audit.domain.checkpoint import Checkpoint
from services.audit.domain.cosignature import Cosigner
from services.audit.domain.note import ForgedNoteError, Signer, UnsignedNoteError
from services.audit.domain.policy import NO_WITNESSES, MalformedPolicyError, Policy

LOG = Signer("town.example/log", b"\1" * 32)
WITNESSES = [Cosigner(f"w{number}.example", bytes([number]) * 32) for number in range(10, 16)]
VKEYS = [witness.key.vkey for witness in WITNESSES]
CHECKPOINT = Checkpoint("town.example/log", 7, b"\5" * 32)

NESTED = f"""# two operators
log {LOG.verifier.vkey} https://town.example/log

witness X1 {VKEYS[0]}
witness X2 {VKEYS[1]}\thttps://x2.example/witness
  witness X3 {VKEYS[2]}
group X-witnesses 2 X1 X2 X3
witness Y1 {VKEYS[3]}
witness Y2 {VKEYS[4]}
witness Y3 {VKEYS[5]}
group Y-witnesses any Y1 Y2 Y3
group X-and-Y all X-witnesses Y-witnesses
quorum X-and-Y
"""
NAMES = ["X1", "X2", "X3", "Y1", "Y2", "Y3"]


def note(*by: Cosigner, signer: Signer = LOG) -> bytes:
    """The checkpoint, signed by the log and cosigned by these."""
    signed = signer.sign(CHECKPOINT.text())
    return (
        signed + "".join(each.cosign(CHECKPOINT.text(), 1_800_000_000 + n).text() for n, each in enumerate(by))
    ).encode()


@given(st.sets(st.sampled_from(range(6))))
def test_two_of_one_operator_and_one_of_another(who: set[int]) -> None:
    verdict = Policy.parse(NESTED).evaluate(note(*(WITNESSES[number] for number in sorted(who))))
    assert verdict.met == (len(who & {0, 1, 2}) >= 2 and len(who & {3, 4, 5}) >= 1)
    assert set(verdict.cosigned) == {NAMES[number] for number in who}
    assert verdict.checkpoint == CHECKPOINT


@st.composite
def rules(draw: st.DrawFn) -> tuple[str, dict[str, tuple[int, list[str]]], str]:
    """A policy's text, its groups, and its quorum's name: groups over witnesses and groups above them, each used once."""
    free = [f"w{number}" for number in range(draw(st.integers(1, 6)))]
    lines = [f"witness {name} {VKEYS[number]}" for number, name in enumerate(free)]
    every, groups = [*free, "none"], {}
    for number in range(draw(st.integers(0, 4))):
        members = draw(st.lists(st.sampled_from(free), min_size=1, max_size=4, unique=True)) if free else []
        if not members:
            break
        least = draw(st.integers(1, len(members)))
        word = "all" if least == len(members) else "any" if least == 1 else str(least)
        lines.append(f"group g{number} {word} {' '.join(members)}")
        groups[f"g{number}"] = (least, members)
        free = [name for name in free if name not in members] + [f"g{number}"]
        every.append(f"g{number}")
    quorum = draw(st.sampled_from(every))
    return "\n".join([*lines, f"quorum {quorum}"]), groups, quorum


def holds(name: str, groups: Mapping[str, tuple[int, list[str]]], cosigned: set[str]) -> bool:
    """The rule, read from the top down."""
    if name in groups:
        least, members = groups[name]
        return sum(holds(member, groups, cosigned) for member in members) >= least
    return name == "none" or name in cosigned


@given(rules(), st.sets(st.sampled_from(["w0", "w1", "w2", "w3", "w4", "w5"])))
def test_any_rule_is_judged_as_it_reads(
    rule: tuple[str, dict[str, tuple[int, list[str]]], str], cosigned: set[str]
) -> None:
    text, groups, quorum = rule
    policy = Policy.parse(text)
    assert policy.met_by(cosigned) == holds(quorum, groups, cosigned)
    assert Policy.parse(policy.text()) == policy
    assert Policy.parse(policy.text()).text() == policy.text()


def test_names_are_opaque_octets() -> None:
    """A Kelvin sign is no K; what is no UTF-8 is a name as well, and comes out as it went in."""
    text = (
        b"witness K " + VKEYS[0].encode() + b"\nwitness \xe2\x84\xaa " + VKEYS[1].encode() + b"\nwitness \xff\xfe "
        + VKEYS[2].encode() + b"\ngroup g 2 K \xe2\x84\xaa \xff\xfe\nquorum g\n"
    )  # fmt: skip
    assert Policy.parse(text).text().encode("utf-8", "surrogateescape") == text


def test_thirty_two_of_each_are_read() -> None:
    lines = [f"log {Signer(f'l{n}.example', bytes([n + 1]) * 32).verifier.vkey}" for n in range(32)]
    lines += [f"witness w{n} {Cosigner(f'w{n}.example', bytes([n + 1]) * 32).key.vkey}" for n in range(32)]
    lines += [f"group g{n} any w{n}" for n in range(32)]
    assert len(Policy.parse("\n".join([*lines, "quorum g31"])).groups) == 32


W, L = f"witness a {VKEYS[0]}", f"log {LOG.verifier.vkey}"


@pytest.mark.parametrize(
    "text",
    [
        "",
        W,
        f"{W}\nquorum a\nquorum a",
        f"quorum a\n{W}",
        "quorum nobody",
        f"{W}\n{W}\nquorum a",
        f"{W}\nwitness a {VKEYS[1]}\nquorum a",
        f"{W}\nwitness b {VKEYS[0]}\nquorum a",
        # one public key under two names is one witness
        f"{W}\nwitness b {Cosigner('other.example', bytes([10]) * 32).key.vkey}\nquorum a",
        f"witness none {VKEYS[0]}\nquorum none",
        f"{L}\n{L}\nquorum none",
        f"{L}\nlog {Signer('other.example', bytes([1]) * 32).verifier.vkey}\nquorum none",
        # a log's key is no witness's, nor the other way round
        f"witness a {LOG.verifier.vkey}\nquorum a",
        f"log {VKEYS[0]}\nquorum none",
        f"{W}\ngroup g any\nquorum g",
        f"{W}\ngroup g 2 a\nquorum g",
        f"{W}\ngroup g 0 a\nquorum g",
        f"{W}\ngroup g -1 a\nquorum g",
        f"{W}\ngroup g some a\nquorum g",
        f"{W}\ngroup g all none\nquorum g",
        f"{W}\ngroup g all g\nquorum g",
        f"{W}\ngroup g any a a\nquorum g",
        f"{W}\ngroup g any a\ngroup h any a\nquorum h",
        f"{W}\ngroup a any a\nquorum a",
        f"group g any a\n{W}\nquorum g",
        f"{W} https://a.example more\nquorum a",
        f"{W}\nquorum a b",
        f"{W}\nquorum",
        f"{W}\nwitnesses b\nquorum a",
        f"{W}\r\nquorum a",
        f"{W}\nquorum a\x00",
        f"{W}\nquorum a\x7f",
        f"{W}\nquorum\u00a0a",
        f"{W[:-3]}\nquorum a",
        f"{W.replace('w10', 'w11')}\nquorum a",
    ],
)
def test_what_is_no_policy_is_refused(text: str) -> None:
    with pytest.raises(MalformedPolicyError):
        Policy.parse(text)


def test_a_checkpoint_is_the_log_s_own() -> None:
    policy = Policy.parse(NESTED)
    with pytest.raises(UnsignedNoteError):
        policy.evaluate(note(*WITNESSES, signer=Signer("town.example/log", b"\2" * 32)))
    with pytest.raises(UnsignedNoteError):
        NO_WITNESSES.evaluate(note(*WITNESSES))
    other = Signer("other.example/log", b"\1" * 32)
    with pytest.raises(ForgedNoteError):
        policy.of_log([other.verifier]).evaluate(note(*WITNESSES, signer=other))


def test_a_line_under_a_witness_s_name_that_is_not_its_cosignature_spoils_the_note() -> None:
    good = note(*WITNESSES)
    moved = bytearray(good.rpartition(b" ")[2])
    moved[20] = ord("A") if moved[20] != ord("A") else ord("B")
    with pytest.raises(ForgedNoteError):
        Policy.parse(NESTED).evaluate(good.rpartition(b" ")[0] + b" " + bytes(moved))


def test_the_rule_for_one_log_keeps_the_witnesses() -> None:
    policy = Policy.parse(NESTED).of_log([LOG.verifier])
    assert policy.text().splitlines()[0] == f"log {LOG.verifier.vkey}"
    assert policy.evaluate(note(*WITNESSES)).met
