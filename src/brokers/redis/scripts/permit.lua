--[[
  Permits of which there are so many for all workers. A permit that nobody renews is free again after a while, and at
  once when its owner is not among the living any more.

  KEYS  1 the permits: holder → until when, milliseconds since 1970  2 owners
  ARGV  1 how many there are; 0 only renews  2 milliseconds that a permit is good for  3… holders, <owner id>:<anything> or a name
  Gives the holders that have one now.
]]
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
for _, holder in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do
  local owner = string.match(holder, '^([^:]*):')
  if owner and not redis.call('ZSCORE', KEYS[2], owner) then redis.call('ZREM', KEYS[1], holder) end
end
local free = tonumber(ARGV[1]) - redis.call('ZCARD', KEYS[1])
local untilWhen = string.format('%.0f', now + ARGV[2])
local granted = {}
for i = 3, #ARGV do
  local has = redis.call('ZSCORE', KEYS[1], ARGV[i])
  if has or free > 0 then
    if not has then free = free - 1 end
    redis.call('ZADD', KEYS[1], untilWhen, ARGV[i])
    granted[#granted + 1] = ARGV[i]
  end
end
if #granted > 0 then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
return granted
