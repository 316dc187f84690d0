--[[
  Permits of which there are so many for all workers. A permit that nobody renews is free again after a while.

  KEYS  1 the permits: holder → until when, milliseconds since 1970
  ARGV  1 how many there are; 0 only renews  2 milliseconds that a permit is good for  3… holders
  Gives the holders that have one now.
]]
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
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
