--[[
  Gives what an owner holds back to the consuming ends of the lists it came from: all of a dead owner,
  all of one that closes, or takes whose answer never arrived.

  KEYS  1–4 as in held.lua
  ARGV  1 owner id  2 its beat as we saw it, '' when we are that owner ourselves
        3 time of taking  4 number of the take when this is the last of it, else ''
        tag, list, message as it goes back ('' as it is), in the order of pushing: last taken first
  Gives how many went back; -1 when the owner has come back to life.
]]
local owner, beat = ARGV[1], ARGV[2]
if beat ~= '' then
  local now = redis.call('ZSCORE', owners, owner)
  if now and tonumber(now) ~= tonumber(beat) then return -1 end
end
redis.call('HDEL', own, '')

local tags = {}
for at = 5, #ARGV, 3 do tags[#tags + 1] = ARGV[at] end
local ours = whichAreOurs(leasesOf(owner, { ARGV[3] }), tags)
local restored = 0
for i, tag in ipairs(tags) do
  local at = 5 + (i - 1) * 3
  local raw = ours[i] and unwrap(redis.call('HGET', unacked, tag))
  if raw then
    redis.call('RPUSH', ARGV[at + 1], ARGV[at + 2] == '' and raw or ARGV[at + 2])
    redis.call('HDEL', unacked, tag)
    redis.call('ZREM', index, tag)
    restored = restored + 1
  end
end
if ARGV[4] ~= '' then redis.call('HDEL', own, ARGV[4]) end
if beat ~= '' and redis.call('EXISTS', own) == 0 then redis.call('ZREM', owners, owner) end
return restored
