--[[
  Deliveries that no index knows: kombu gives back by the index, and writes and removes both in one step.

  KEYS  1 unacked  2 unacked_index
  ARGV  1 cursor  2 how many to look at, about
  Gives the next cursor, and the tags.
]]
local page = redis.call('HSCAN', KEYS[1], ARGV[1], 'COUNT', ARGV[2])
local tags = {}
for i = 1, #page[2], 2 do
  -- An error, where the index is no index, proves nothing.
  if redis.pcall('ZSCORE', KEYS[2], page[2][i]) == false then tags[#tags + 1] = page[2][i] end
end
return { page[1], tags }
