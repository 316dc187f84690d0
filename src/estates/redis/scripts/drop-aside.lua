--[[
  Drops a page that has been kept, unless it is gone already and another one stands in its place.

  KEYS  1 aside  2 asides
  ARGV  1 id of the removal  2 the first entry of the page
]]
if redis.call('LINDEX', KEYS[1], 0) ~= ARGV[2] then return 0 end
redis.call('ZREM', KEYS[2], ARGV[1])
return redis.call('DEL', KEYS[1])
