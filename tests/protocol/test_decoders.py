# SPDX-License-Identifier: AGPL-3.0-or-later
"""Whatever bytes come from outside: every decoder gives what is encoded as those bytes again, or its named error.

corpus/ has for each decoder, a line each in hexadecimal, what once was valid and what once was interesting. Hypothesis
changes it: bytes, lengths, pieces left out, doubled, moved, and those of another kind.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from notalone.protocol import dleq, escrow, identifiers, oprf, rsa_blind, trustees
from notalone.protocol.credentials import Credential, VoiceCredential
from notalone.protocol.descriptor import Descriptor, Signed
from notalone.protocol.errors import Undecodable
from notalone.protocol.escrow import Handle
from notalone.protocol.group import Element, Scalar
from notalone.protocol.keys import KeyShares
from notalone.protocol.reports import Report, pad, unpad

CORPUS = Path(__file__).parent / "corpus"

DECODERS: dict[str, Callable[[bytes], bytes]] = {
    "credential": lambda data: bytes(Credential.decode(data)),
    "descriptor": lambda data: bytes(Descriptor.decode(data)),
    "element": lambda data: bytes(Element.decode(data)),
    "handle": lambda data: bytes(Handle.decode(data)),
    "identifier": lambda data: identifiers.decode(data).encode(),
    "issuer-key": lambda data: bytes(rsa_blind.PublicKey.decode(data)),
    "key-shares": lambda data: bytes(KeyShares.decode(1, data, 5).export()),
    "oprf-proof": lambda data: bytes(oprf.Proof.decode(data)),
    "padded": lambda data: pad(unpad(data)),
    "proof": lambda data: bytes(dleq.Proof.decode(data, 3)),
    "question": lambda data: bytes(trustees._decode(data, 3)),
    "record": lambda data: bytes(escrow._decode(data, 3)),
    "report": lambda data: bytes(Report.decode(data)),
    "scalar": lambda data: bytes(Scalar.decode(data)),
    "signed": lambda data: bytes(Signed.decode(data)),
    "voice-credential": lambda data: bytes(VoiceCredential.decode(data)),
}


@cache
def corpus(name: str) -> list[bytes]:
    return [bytes.fromhex(line) for line in (CORPUS / f"{name}.txt").read_text().splitlines()]


@st.composite
def changed(draw: st.DrawFn, name: str) -> bytes:
    """Something of the corpus after one to three changes."""
    data = draw(st.sampled_from(corpus(name)))
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, len(data)))
        end = min(len(data), at + draw(st.sampled_from([0, 1, 2, 4, 32, 64, len(data)])))
        match draw(st.sampled_from(["set", "cut", "put", "double", "move", "borrow"])):
            case "set":
                data = data[:at] + draw(st.binary(min_size=end - at, max_size=end - at)) + data[end:]
            case "cut":
                data = data[:at] + data[end:]
            case "put":
                filler = draw(st.sampled_from([b"\0", b"\xff", b"\0" * 32, b"\xff" * 32]) | st.binary(max_size=40))
                data = data[:at] + filler + data[at:]
            case "double":
                data = data[:end] + data[at:]
            case "move":
                data = data[end:] + data[at:end] + data[:at]
            case "borrow":
                data = data[:at] + draw(st.sampled_from(corpus(draw(st.sampled_from(sorted(DECODERS))))))[:200]
    return data


def decoded(name: str, data: bytes) -> bool:
    """Whether it is. Fails where it is decoded to something else than was encoded."""
    try:
        again = DECODERS[name](data)
    except Undecodable as error:
        problem = str(error)
    else:
        assert again == data
        return True
    # No error repeats what it could not read.
    assert len(data) < 16 or data[:16].hex() not in problem
    return False


@pytest.mark.parametrize("name", DECODERS)
def test_the_corpus_begins_with_what_is_valid(name: str) -> None:
    first, *rest = corpus(name)
    assert decoded(name, first)
    assert rest
    assert False in [decoded(name, each) for each in rest]


@pytest.mark.parametrize("name", DECODERS)
@given(st.data())
@settings(max_examples=150)
def test_changed_bytes_are_decoded_to_themselves_or_refused_by_name(name: str, data: st.DataObject) -> None:
    decoded(name, data.draw(changed(name)))


@pytest.mark.parametrize("name", DECODERS)
@given(st.binary(max_size=300))
@settings(max_examples=50)
def test_any_bytes_are_decoded_to_themselves_or_refused_by_name(name: str, data: bytes) -> None:
    decoded(name, data)
