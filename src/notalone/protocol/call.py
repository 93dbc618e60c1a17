# SPDX-License-Identifier: AGPL-3.0-or-later
"""How a call and its languages are written, wherever they are: as regular expressions for the whole of a text."""

from __future__ import annotations

# A call's name in addresses.
SLUG = r"[a-z0-9][a-z0-9-]{1,39}"
# The form of BCP 47 that pages can be set in: `es`, `pt-BR`, `zh-Hant`.
LANGUAGE = r"[a-z]{2,3}(-[A-Z][a-z]{3})?(-[A-Z]{2})?"
