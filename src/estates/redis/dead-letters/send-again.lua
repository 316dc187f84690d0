--[[
  Sends a kept message again, once: whoever takes it out sends it. Its FAILURE gives way to "will be
  tried again" in the same step, so that whoever asks from now on waits for what comes.

  KEYS  1 list to send to  2 failed tasks  3 when they failed  4 list of refused messages  5 result
  ARGV  1 'failed', 'refused', 'result', or 'unchecked'
        2 what must still be there: when it failed; the item of the list; unused
        3 task id  4 the message
        5 the result as it was seen, or ''  6 what takes its place
  Gives 1, or 0 when somebody else has been faster.
]]
local kind, expected, id, message, seen, now = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5], ARGV[6]

local stored = seen ~= '' and redis.call('GET', KEYS[5]) == seen
if kind == 'failed' then
  local at = redis.call('ZSCORE', KEYS[3], id)
  if not at or tonumber(at) ~= tonumber(expected) then return 0 end
elseif kind == 'result' and not stored then
  return 0
end
-- Nothing of a script is undone when a command in it fails (a key of another type, no permission): so the message is
-- sent first, and only then what it was kept in goes.
redis.call('LPUSH', KEYS[1], message)
if kind == 'failed' then
  redis.call('HDEL', KEYS[2], id)
  redis.call('ZREM', KEYS[3], id)
elseif kind == 'refused' and redis.call('LREM', KEYS[4], 1, expected) == 0 then
  redis.call('LREM', KEYS[1], 1, message)
  return 0
end
if stored then
  local left = redis.call('PTTL', KEYS[5])
  if left > 0 then redis.call('SET', KEYS[5], now, 'PX', left) else redis.call('SET', KEYS[5], now) end
  redis.call('PUBLISH', KEYS[5], now)
end
return 1
