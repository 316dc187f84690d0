--[[
  How values of `unacked` end: exchange and routing key stand there. A value may be megabytes, so that it stops
  where it has read enough and says how far it came.

  KEYS  1 unacked
  ARGV  1 how many bytes to read at most  2… tags
  Gives { an end or '' for each tag that was looked at }.
]]
local left = tonumber(ARGV[1])
local ends = {}
for i = 2, #ARGV do
  if left < 0 then break end
  left = left - redis.call('HSTRLEN', KEYS[1], ARGV[i]) - 50
  local value = redis.call('HGET', KEYS[1], ARGV[i])
  ends[i - 1] = value and string.sub(value, -1000) or ''
end
return ends
