--[[
  Lets a paused entry go on from now: what was missed in the pause was not wanted.

  KEYS  1 paused  2 states  3 revision
  ARGV  1 entry  2 now in ms
]]
if redis.call('SREM', KEYS[1], ARGV[1]) == 1 then
  local last, count = string.match(redis.call('HGET', KEYS[2], ARGV[1]) or '', '^(-?%d+) (%d+)$')
  if not last or tonumber(last) < tonumber(ARGV[2]) then
    redis.call('HSET', KEYS[2], ARGV[1], ARGV[2] .. ' ' .. (count or '0'))
  end
end
redis.call('INCR', KEYS[3])
return 'done'
