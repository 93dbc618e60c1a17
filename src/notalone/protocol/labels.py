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

SEAL_KEY: Final = b"notalone/seal/key/v1"

CEREMONY_PLAN: Final = b"notalone/ceremony/plan/v1"
CEREMONY_ARRIVAL: Final = b"notalone/ceremony/arrival/v1"
CEREMONY_KNOWN: Final = b"notalone/ceremony/known/v1"
CEREMONY_BODY: Final = b"notalone/ceremony/body/v1"
CEREMONY_PLEDGE: Final = b"notalone/ceremony/pledge/v1"
CEREMONY_HEARD: Final = b"notalone/ceremony/heard/v1"
CEREMONY_DEALING: Final = b"notalone/ceremony/dealing/v1"
CEREMONY_SHARES: Final = b"notalone/ceremony/shares/v1"
CEREMONY_COMPLAINT: Final = b"notalone/ceremony/complaint/v1"
CEREMONY_TRANSCRIPT: Final = b"notalone/ceremony/transcript/v1"
CEREMONY_CONSENT: Final = b"notalone/ceremony/consent/v1"

PASSPHRASE_SALT: Final = b"notalone/passphrase/salt/v1"
PASSPHRASE_MAILBOX: Final = b"notalone/passphrase/mailbox/v1"
PASSPHRASE_AGE: Final = b"notalone/passphrase/age/v1"
PASSPHRASE_REPORT: Final = b"notalone/passphrase/report/v1"
PASSPHRASE_SIGNING: Final = b"notalone/passphrase/signing/v1"
PASSPHRASE_CREDENTIAL: Final = b"notalone/passphrase/credential/v1"
PASSPHRASE_DUMMY: Final = b"notalone/passphrase/dummy/v1"

CREDENTIAL_KEY: Final = b"notalone/credential/key/v1"
CREDENTIAL_HOLDER: Final = b"notalone/credential/holder/v1"
CREDENTIAL_VOICE: Final = b"notalone/credential/voice/v1"
CREDENTIAL_DRAWN: Final = b"notalone/credential/drawn/v1"
CREDENTIAL_POINT: Final = b"notalone/credential/point/v1"
CREDENTIAL_ASKED: Final = b"notalone/credential/asked/v1"

DESCRIPTOR_HASH: Final = b"notalone/descriptor/hash/v1"
DESCRIPTOR_CONSENT: Final = b"notalone/descriptor/consent/v1"
DESCRIPTOR_DESK: Final = b"notalone/descriptor/desk/v1"

TRUSTEE_QUESTION: Final = b"notalone/trustee/question/v1"
TRUSTEE_ASKED: Final = b"notalone/trustee/asked/v1"
TRUSTEE_ANSWER: Final = b"notalone/trustee/answer/v1"
TRUSTEE_REQUEST: Final = b"notalone/trustee/request/v1"
TRUSTEE_PROOF: Final = b"notalone/trustee/proof/v1"
TRUSTEE_DRAWN: Final = b"notalone/trustee/drawn/v1"

ESCROW_TAG: Final = b"notalone/escrow/tag/v1"
ESCROW_ROW: Final = b"notalone/escrow/row/v1"
ESCROW_BUCKET: Final = b"notalone/escrow/bucket/v1"
ESCROW_WRAP: Final = b"notalone/escrow/wrap/v1"
ESCROW_DECOY: Final = b"notalone/escrow/decoy/v1"
ESCROW_HANDLE: Final = b"notalone/escrow/handle/v1"
ESCROW_RECORD: Final = b"notalone/escrow/record/v1"
