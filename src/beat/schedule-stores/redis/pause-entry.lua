--[[
  Stops an entry for as long as it is paused.

  KEYS  1 paused  2 revision
  ARGV  1 entry
]]
redis.call('SADD', KEYS[1], ARGV[1])
redis.call('INCR', KEYS[2])
return 'done'
