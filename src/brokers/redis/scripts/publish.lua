--[[
  Puts messages into lists, once: a call that is repeated because no answer came finds its number in
  the ledger (RELIABILITY W11). On a full server the first write fails and nothing is put anywhere.

  KEYS  1 ledger  2… lists
  ARGV  1 number of this call, then for each list: how many, the messages
  Gives for each list '' or what was wrong, or 'done' when this call was executed before.
]]
local number = tonumber(ARGV[1])
if tonumber(redis.call('GET', KEYS[1]) or 0) >= number then return 'done' end
redis.call('SET', KEYS[1], number, 'EX', 3600)
local CHUNK = 1000
local problems = {}
local at = 2
for i = 2, #KEYS do
  local last = at + tonumber(ARGV[at])
  problems[i - 1] = ''
  for start = at + 1, last, CHUNK do
    local reply = redis.pcall('LPUSH', KEYS[i], unpack(ARGV, start, math.min(start + CHUNK - 1, last)))
    if type(reply) == 'table' and reply.err then problems[i - 1] = reply.err end
  end
  at = last + 1
end
return problems
