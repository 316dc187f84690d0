--[[
  Gives back deliveries of other programs that are older than the visibility timeout, as kombu does
  (WIRE 6.5). Whatever has changed since we looked is left alone.

  KEYS  1 unacked  2 unacked_index
  ARGV  for each, last taken first: tag, score as we saw it, message as it goes back, how many lists, the lists
  Gives how many went back.
]]
local unacked, index = KEYS[1], KEYS[2]
local restored = 0
local at = 1
while at <= #ARGV do
  local tag, lists = ARGV[at], tonumber(ARGV[at + 3])
  local score = redis.call('ZSCORE', index, tag)
  if score and tonumber(score) == tonumber(ARGV[at + 1]) and redis.call('HEXISTS', unacked, tag) == 1 then
    for i = at + 4, at + 3 + lists do redis.call('RPUSH', ARGV[i], ARGV[at + 2]) end
    redis.call('HDEL', unacked, tag)
    redis.call('ZREM', index, tag)
    restored = restored + 1
  end
  at = at + 4 + lists
end
return restored
