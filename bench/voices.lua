-- SPDX-License-Identifier: AGPL-3.0-or-later
-- For wrk: sends voices whose nonces and proofs were made before, and writes down the code of each accepted one.
-- Arguments after --: form|api, slug, file of nonces, first line, bytes a line, file for the codes.

local through, path, template, nonces, per_line, codes, at

function init(args)
   through, per_line = args[1], tonumber(args[5])
   nonces = assert(io.open(args[3], "rb"))
   nonces:seek("set", tonumber(args[4]) * per_line)
   codes = assert(io.open(args[6], "ab"))
   if through == "form" then
      path = "/en/call/" .. args[2] .. "/voice"
      wrk.headers["Content-Type"] = "application/x-www-form-urlencoded"
      wrk.headers["Sec-Fetch-Site"] = "same-origin"
      template = "nonce=%s&proof=%s&ticket=&kind=metoo"
   else
      path = "/api/calls/" .. args[2] .. "/voices"
      wrk.headers["Content-Type"] = "application/json"
      template = '{"nonce":"%s","proof":"%s","ticket":"","kind":"metoo"}'
   end
end

function request()
   local line = nonces:read(per_line)
   if not line then
      nonces:seek("set", 0)
      line = nonces:read(per_line)
   end
   return wrk.format("POST", path, nil, template:format(line:sub(1, 22), line:sub(24, 31)))
end

-- The code stands at one place in every answer; it is looked for only when it is not there.
local function find(body)
   local first = through == "form" and body:find("%w%w%w%w%w%w%-%w%w%w%w%w%w%-%w%w%w%w%w%w") or body:find('"code":"', 1, true)
   if through == "api" and first then first = first + 8 end
   return first
end

local function is_there(body)
   if not at then return false end
   if through == "api" then return body:sub(at - 8, at - 1) == '"code":"' end
   return body:byte(at + 6) == 45 and body:byte(at + 13) == 45
end

function response(status, headers, body)
   if status ~= 201 then return end
   if not is_there(body) then at = find(body) end
   codes:write(at and body:sub(at, at + (through == "form" and 19 or 17)) or "none", "\n")
end

dofile("bench/done.lua")
