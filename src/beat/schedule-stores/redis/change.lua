--[[
  What a new leader changes: its code's entries, their removal, the beginning of entries.

  KEYS  1 leader  2 definitions  3 states  4 paused  5 timezone
  ARGV  1 our token  2 timezone or ''  3 how many to put: entry, definition …; then how many to remove: entry …;
        then how many states: entry, state …
  Gives 'changed', or 'fenced' when somebody else leads.
]]
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 'fenced' end
if ARGV[2] ~= '' then redis.call('SET', KEYS[5], ARGV[2]) end
local at = 3
local function each(step, change)
  local last = at + tonumber(ARGV[at]) * step
  for i = at + 1, last, step do change(ARGV[i], ARGV[i + 1]) end
  at = last + 1
end
each(2, function(name, definition) redis.call('HSET', KEYS[2], name, definition) end)
each(1, function(name)
  redis.call('HDEL', KEYS[2], name)
  redis.call('HDEL', KEYS[3], name)
  redis.call('SREM', KEYS[4], name)
end)
each(2, function(name, state) redis.call('HSET', KEYS[3], name, state) end)
return 'changed'
