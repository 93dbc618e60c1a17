# SPDX-License-Identifier: AGPL-3.0-or-later
"""What visitors read. Functions of plain data that return a whole page; they ask nothing and know no request."""
