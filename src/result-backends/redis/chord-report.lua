--[[
  Notes a part of a chord where the broker is somewhere else.

  ARGV  key of the group, 'zset' or 'list', score, prefix, member, seconds to keep it, '1' when delivered again
  Gives all members when none is missing, else an empty list.
]]
return addPart(ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5], tonumber(ARGV[6]), ARGV[7] == '1') or {}
