# SPDX-License-Identifier: AGPL-3.0-or-later
"""A trustee's own small server: shares of an escrow's keys, and answers to blinded questions."""
