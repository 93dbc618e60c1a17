# SPDX-License-Identifier: AGPL-3.0-or-later
"""The HTTP API: the same doors as the pages, for programs (spec/http.md)."""
