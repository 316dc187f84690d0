--[[
  Puts removed messages back, each page once: the number that is written down with it says how far it has come.

  KEYS  1 restored  2 aside  3 asides  4 unacked  5 unacked_index  6 parked  7… lists
  ARGV  1 how far it had come, '' if not begun  2 how far it comes with this page  3 id of the removal
        4 '1' when the page is what stood aside  5 seconds to remember it
        then for each message, the last one first: place of its list among the lists, its due time or '' when it is ready,
        its delivery tag, how it ends in unacked, the message
  Gives '' or how far somebody else has come.
]]
local restored, aside, asides, unacked, index, parked = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6]
local now = redis.call('GET', restored) or ''
if now ~= ARGV[1] then return now == '' and 'nothing' or now end
for at = 6, #ARGV, 5 do
  local list, due, tag, tail, raw = KEYS[6 + tonumber(ARGV[at])], ARGV[at + 1], ARGV[at + 2], ARGV[at + 3], ARGV[at + 4]
  if due == '' then
    redis.call('RPUSH', list, raw)
  else
    redis.call('HSET', unacked, tag, '[' .. raw .. tail)
    redis.call('ZADD', index, due, tag)
    redis.call('ZADD', parked, due, tag .. '\0' .. list)
  end
end
redis.call('SET', restored, ARGV[2], 'EX', ARGV[5])
if ARGV[4] == '1' then
  redis.call('DEL', aside)
  redis.call('ZREM', asides, ARGV[3])
end
return ''
