--[[
  Gives what an owner holds back to the consuming ends of the lists it came from: all of a dead owner,
  all of one that closes, or some that were taken and never arrived.

  KEYS  1–4 as in held.lua
  ARGV  1 owner id  2 its beat as we saw it, '' when we are that owner ourselves
        tag, message as it goes back ('' as it is), in the order of pushing: last taken first
  Gives how many went back; -1 when the owner has come back to life.
]]
local owner, beat = ARGV[1], ARGV[2]
if beat ~= '' then
  local now = redis.call('ZSCORE', owners, owner)
  if now and tonumber(now) ~= tonumber(beat) then return -1 end
end
redis.call('HDEL', own, '')

local restored = 0
for at = 3, #ARGV, 2 do
  local tag = { ARGV[at] }
  sortOut(owner, tag, 1, 1, function(_, record)
    local raw = unwrap(redis.call('HGET', unacked, ARGV[at]))
    redis.call('HDEL', own, ARGV[at])
    if raw then
      redis.call('RPUSH', listOf(record), ARGV[at + 1] == '' and raw or ARGV[at + 1])
      redis.call('HDEL', unacked, ARGV[at])
      redis.call('ZREM', index, ARGV[at])
      restored = restored + 1
    end
  end, function(_, record)
    if record then redis.call('HDEL', own, ARGV[at]) end
  end)
end
if beat ~= '' and redis.call('EXISTS', own) == 0 then redis.call('ZREM', owners, owner) end
return restored
