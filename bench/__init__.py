# SPDX-License-Identifier: AGPL-3.0-or-later
"""How fast it is and where the time goes, side by side in one run (docs/benchmarks.md)."""
