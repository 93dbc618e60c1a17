# SPDX-License-Identifier: AGPL-3.0-or-later
"""Every label that keeps one use of a hash apart from all others, once. spec/ has the same list, and a test compares.

`notalone/<noun>/<use>/v1`. BLAKE2b takes no more than 16 bytes, so those are shorter.
"""

from __future__ import annotations

from typing import Final

VOICE_CODE: Final = b"notalone-code-v1"
VOICE_ID: Final = b"notalone-vceid-1"
VOICE_PROOF: Final = b"notalone/voice/proof/v1"
TICKET: Final = b"notalone-ticket1"

DLEQ_SEED: Final = b"notalone/dleq/seed/v1"
DLEQ_WEIGHT: Final = b"notalone/dleq/weight/v1"
DLEQ_NONCE: Final = b"notalone/dleq/nonce/v1"
DLEQ_CHALLENGE: Final = b"notalone/dleq/challenge/v1"
