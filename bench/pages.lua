-- SPDX-License-Identifier: AGPL-3.0-or-later
-- For wrk: readers of a page.
dofile("bench/done.lua")
