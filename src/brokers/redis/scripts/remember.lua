--[[
  Keeps a failed task whose message was answered for before it ran.

  KEYS  1 failed tasks  2 when they failed
  ARGV  1 task id  2 when, milliseconds since 1970  3 the record  4 how many to keep  5 how many seconds
]]
keepFailed(KEYS[1], KEYS[2], ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4]), tonumber(ARGV[5]))
return 'OK'
