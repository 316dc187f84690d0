--[[
  Closes the book on everything numbered so far: what has not been executed by now never will be.

  KEYS  1 ledger
  ARGV  1 the highest number given out
  Gives the highest number executed.
]]
local executed = redis.call('GET', KEYS[1]) or '0'
-- DEL first: it may be done on a full server, and lets the SET through.
redis.call('DEL', KEYS[1])
redis.call('SET', KEYS[1], ARGV[1], 'EX', 3600)
return executed
