--[[
  Moves parked messages aside, as set-aside.lua does with ready ones.

  KEYS  1 unacked  2 unacked_index  3 parked  4 aside  5 asides  6 restored
  ARGV  1 id of the removal  2 number of the first, '' to keep nothing
        3 what the keys of lines begin with, where those wait that are due and have no room, then for each: member of parked, what it is kept with
  Gives { place among the given, message, … } of those that were parked still, or 'restored'.
]]
local unacked, index, parked, aside, asides, restored = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6]
local id, number = ARGV[1], tonumber(ARGV[2])
if redis.call('EXISTS', restored) == 1 then return 'restored' end
redis.call('ZREM', asides, '')
local gone = {}
for i = 4, #ARGV, 2 do
  local member, about = ARGV[i], ARGV[i + 1]
  local tag, list = string.match(member, '^(%Z*)%z(.*)$')
  local place = tag and redis.call('ZSCORE', parked, member) and parked or ARGV[3] .. (list or '')
  local raw = tag and redis.call('ZSCORE', place, member) and string.match(redis.call('HGET', unacked, tag) or '', '^%[(.*),"","[^\n]-"%]$')
  if raw then
    if number then
      redis.call('RPUSH', aside, string.format('%.0f', number) .. '\0' .. about .. '\0' .. raw)
      number = number + 1
    end
    redis.call('ZREM', place, member)
    redis.call('HDEL', unacked, tag)
    redis.call('ZREM', index, tag)
    gone[#gone + 1] = (i - 2) / 2
    gone[#gone + 1] = raw
  end
end
if number and #gone > 0 then redis.call('ZADD', asides, redis.call('TIME')[1], id) end
return gone
