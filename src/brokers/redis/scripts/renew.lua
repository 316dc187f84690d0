--[[
  One beat: everything we hold is scored with the server's time, so that nobody takes it for
  abandoned however long its task runs (R12, R13).

  KEYS  1–4 as in held.lua
  ARGV  1 owner id
  Gives { tags that are not ours any more, 1 when we had been forgotten }.
]]
local owner, now = ARGV[1], serverTime()
-- As in take.lua: a server that is full must not end our leases.
redis.call('HDEL', own, '')

local tags = redis.call('HKEYS', own)
local lost = {}
local renewed = {}
for start = 1, #tags, CHUNK do
  sortOut(owner, tags, start, math.min(start + CHUNK - 1, #tags), function(i)
    renewed[#renewed + 1] = now
    renewed[#renewed + 1] = tags[i]
  end, function(i)
    lost[#lost + 1] = tags[i]
  end)
end
inChunks('HDEL', own, lost)
for start = 1, #renewed, CHUNK * 2 do
  redis.call('ZADD', index, 'XX', unpack(renewed, start, math.min(start + CHUNK * 2 - 1, #renewed)))
end
return { lost, redis.call('ZADD', owners, now, owner) }
