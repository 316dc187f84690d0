--[[
  Places in the line of a rate limit that all workers share, by the server's clock; execution/slot-line.ts has the
  same for one process.

  KEYS  1 the line: its first free place, microseconds since 1970
  ARGV  1 microseconds between two places  2 at most so many  3 none later than this from now
  Gives { how far the first free place is away, how long to wait for each place … }.
]]
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local interval, count, ahead = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local free = tonumber(redis.call('GET', KEYS[1]) or '0')
free = math.min(math.max(free, now), now + ahead + interval)
local waits = {}
while #waits < count and free - now <= ahead do
  waits[#waits + 1] = math.floor(free - now)
  free = free + interval
end
-- Fourteen digits, which is what Lua writes, are not enough.
redis.call('SET', KEYS[1], string.format('%.0f', free), 'PX', math.ceil((free - now) / 1000) + 60000)
table.insert(waits, 1, math.floor(free - now))
return waits
