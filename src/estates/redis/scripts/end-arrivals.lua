--[[
  From now on nothing of this removal is taken in (arrive.lua), not even what is on its way.

  KEYS  1 arrived
  ARGV  1 seconds to remember it
  Gives the highest number that has arrived, -1 when none has.
]]
local mark = tonumber(redis.call('GET', KEYS[1]) or -1)
if mark < -1 then return -3 - mark end
-- A write that needs no memory comes first, so that a full server lets the other one through.
redis.call('DEL', KEYS[1])
redis.call('SET', KEYS[1], string.format('%.0f', -3 - mark), 'EX', ARGV[1])
return mark
