--[[
  Shows up: notes that a beat is there, and takes the lead if nobody has it or renews it if we do.

  KEYS  1 leader  2 term  3 presence  4 revision
  ARGV  1 our id  2 our name  3 lease in ms  4 longest gap in ms
  Gives { the leader's token, since when beats have shown up without a gap in ms, revision, '1' if the term begins }.
]]
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local since = tonumber(redis.call('HGET', KEYS[3], 'since') or now)
local last = tonumber(redis.call('HGET', KEYS[3], 'until') or 0)
-- After a gap it begins anew; so it does when the server's clock was put back.
if now - last > tonumber(ARGV[4]) or since > now then since = now end
redis.call('HSET', KEYS[3], 'since', string.format('%.0f', since), 'until', string.format('%.0f', now))
local token = redis.call('GET', KEYS[1])
local begins = token and '0' or '1'
if not token then
  token = redis.call('INCR', KEYS[2]) .. ' ' .. ARGV[1] .. ' ' .. ARGV[2]
  redis.call('SET', KEYS[1], token, 'PX', ARGV[3])
elseif string.match(token, '^%d+ (%S+)') == ARGV[1] then
  redis.call('PEXPIRE', KEYS[1], ARGV[3])
end
return { token, string.format('%.0f', now - since), redis.call('GET', KEYS[4]) or '0', begins }
