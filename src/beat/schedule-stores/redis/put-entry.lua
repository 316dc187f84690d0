--[[
  Adds or replaces an entry, for people. One that is new begins to count now.

  KEYS  1 definitions  2 states  3 revision
  ARGV  1 entry  2 definition  3 state of a new one
]]
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
redis.call('HSETNX', KEYS[2], ARGV[1], ARGV[3])
redis.call('INCR', KEYS[3])
return 'done'
