--[[
  Removes an entry, for people.

  KEYS  1 definitions  2 states  3 paused  4 revision
  ARGV  1 entry
  Gives 1 when there was one.
]]
local removed = redis.call('HDEL', KEYS[1], ARGV[1])
redis.call('HDEL', KEYS[2], ARGV[1])
redis.call('SREM', KEYS[3], ARGV[1])
if removed == 1 then redis.call('INCR', KEYS[4]) end
return removed
