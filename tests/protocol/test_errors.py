# SPDX-License-Identifier: AGPL-3.0-or-later
from __future__ import annotations

import pytest

from notalone.protocol.errors import SERVER, YOU, Fault, Undecodable, blaming, trustee


def test_a_fault_says_who_what_and_what_to_do() -> None:
    fault = Fault(trustee(3), "gave an answer that its proof does not hold for", "Ask another trustee.")
    assert str(fault) == "trustee 3 gave an answer that its proof does not hold for. Ask another trustee."
    assert fault.party == trustee(3)
    assert str(YOU) == "you"


def test_whoever_knows_who_sent_it_says_so() -> None:
    with pytest.raises(Fault) as caught, blaming(SERVER, "Try again later."):
        raise Undecodable("record", "ends early")
    assert str(caught.value) == "the server sent something that cannot be read (record: ends early). Try again later."
    assert isinstance(caught.value.__cause__, Undecodable)


def test_other_errors_pass() -> None:
    with pytest.raises(ZeroDivisionError), blaming(SERVER, "Try again later."):
        raise ZeroDivisionError
