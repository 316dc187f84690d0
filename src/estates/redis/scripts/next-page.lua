--[[
  The messages behind one that was looked at before, wherever it is by now: workers take from the same end.

  KEYS  1 list
  ARGV  1 that message, '' for none  2 how many were at the consuming end up to it  3 how many to give
  Gives { how many are up to it now, message … } in the order of serving; 0 when it was taken.
]]
local anchor, before, count = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
if before > 0 and redis.call('LINDEX', KEYS[1], -before) ~= anchor then
  local at = redis.call('LPOS', KEYS[1], anchor, 'RANK', -1, 'MAXLEN', before)
  before = at and redis.call('LLEN', KEYS[1]) - at or 0
end
local window = redis.call('LRANGE', KEYS[1], -(before + count), -before - 1)
local page = { before }
for i = #window, 1, -1 do page[#page + 1] = window[i] end
return page
