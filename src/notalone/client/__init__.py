# SPDX-License-Identifier: AGPL-3.0-or-later
"""What speaks HTTP to a Not Alone server: for the commands, the tests and the benchmarks. Needs the protocol alone."""
