--[[
  One beat: everything we hold is scored with the server's time, so that nobody takes it for
  abandoned however long its task runs (R12, R13). What a take has left behind of answered deliveries
  goes from our own hash.

  KEYS  1–4 as in held.lua
  ARGV  1 owner id
  Gives { '<take> <tag>' of what is not ours, or was answered since the last beat; 1 when we had been forgotten }.
]]
local owner, now = ARGV[1], serverTime()
-- As in take.lua: a full server must not end our leases.
redis.call('HDEL', own, '')

local gone, renewed = {}, {}
local takes = redis.call('HGETALL', own)
for t = 1, #takes, 2 do
  local take = cjson.decode(takes[t + 1])
  local tags = {}
  for tag in string.gmatch(take.tags, '%S+') do tags[#tags + 1] = tag end
  local ours = whichAreOurs(leasesOf(owner, { take.at }), tags)
  local left, runs, at = {}, {}, 0
  for _, run in ipairs(take.runs) do
    local before = #left
    for i = at + 1, at + run[1] do
      if ours[i] then
        left[#left + 1] = tags[i]
        renewed[#renewed + 1] = now
        renewed[#renewed + 1] = tags[i]
      else
        gone[#gone + 1] = takes[t] .. ' ' .. tags[i]
      end
    end
    at = at + run[1]
    if #left > before then runs[#runs + 1] = { #left - before, run[2] } end
  end
  if #left == 0 then
    redis.call('HDEL', own, takes[t])
  elseif #left < #tags then
    redis.call('HSET', own, takes[t], cjson.encode({ at = take.at, runs = runs, tags = table.concat(left, ' ') }))
  end
end
for start = 1, #renewed, CHUNK * 2 do
  redis.call('ZADD', index, 'XX', unpack(renewed, start, math.min(start + CHUNK * 2 - 1, #renewed)))
end
return { gone, redis.call('ZADD', owners, now, owner) }
