--[[
  Moves the parked deliveries that have been due for longest to the consuming ends of their lists, the latest of them
  first, so that the earliest is served first. Any process may call it.

  KEYS  1 unacked  2 unacked_index  3 parked
  ARGV  1 how many at most
  Gives { moved, due by now, milliseconds until the next is due or -1 }.
]]
local unacked, index, parked = KEYS[1], KEYS[2], KEYS[3]
local time = redis.call('TIME')
local now = tonumber(string.format('%d.%06d', time[1], time[2]))

local moved = 0
local due = redis.call('ZRANGEBYSCORE', parked, '-inf', string.format('%.6f', now), 'LIMIT', 0, tonumber(ARGV[1]))
for i = #due, 1, -1 do
  local member = due[i]
  redis.call('ZREM', parked, member)
  local tag, list = string.match(member, '^(%Z*)%z(.*)$')
  local raw = tag and string.match(redis.call('HGET', unacked, tag) or '', '^%[(.*),"","[^\n]-"%]$')
  -- No message: somebody gave it back by the visibility timeout. No number: the list's key is of another type,
  -- and the message stays in unacked, where the sweep will find it.
  if raw and type(redis.pcall('RPUSH', list, raw)) == 'number' then
    redis.call('HDEL', unacked, tag)
    redis.call('ZREM', index, tag)
    moved = moved + 1
  end
end
local first = redis.call('ZRANGE', parked, 0, 0, 'WITHSCORES')
local wait = -1
if first[2] then wait = math.max(0, math.ceil((tonumber(first[2]) - now) * 1000)) end
return { moved, #due, math.min(wait, 2147483647) }
