-- SPDX-License-Identifier: AGPL-3.0-or-later
-- What wrk found, as one line of JSON. Times in microseconds.
function done(summary, latency, requests)
   local e = summary.errors
   io.write(string.format(
      'FOUND {"requests":%d,"duration":%d,"bytes":%d,"p50":%d,"p99":%d,"most":%d,"broken":%d,"refused":%d}\n',
      summary.requests, summary.duration, summary.bytes, latency:percentile(50), latency:percentile(99), latency.max,
      e.connect + e.read + e.write + e.timeout, e.status))
end
