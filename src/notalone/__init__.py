# SPDX-License-Identifier: AGPL-3.0-or-later
"""Not Alone: a self-hosted place to say "me too" safely."""

__version__ = "0.1.0"
