--[[
  Takes in messages from another store, each once: the number that is written down with them says how far it has come.

  KEYS  1 arrived  2 unacked  3 unacked_index  4 parked  5 note  6… lists
  ARGV  1 seconds to remember it  2 'note' to write one, else ''  3 the note, '' to forget it
        then for each message, in the order of serving: its number, place of its list among the lists, its due time or '' when
        it is ready, its delivery tag, how it ends in unacked, the message
  Gives how many of them are new, -1 when nothing of this removal is taken in any more (end-arrivals.lua).
]]
local arrived, unacked, index, parked = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local before = tonumber(redis.call('GET', arrived) or -1)
if before < -1 then return -1 end
local last, count = before, 0
for at = 4, #ARGV, 6 do
  local number = tonumber(ARGV[at])
  if number > before then
    local list, due, tag, tail, raw = KEYS[5 + tonumber(ARGV[at + 1])], ARGV[at + 2], ARGV[at + 3], ARGV[at + 4], ARGV[at + 5]
    if due == '' then
      redis.call('LPUSH', list, raw)
    else
      redis.call('HSET', unacked, tag, '[' .. raw .. tail)
      redis.call('ZADD', index, due, tag)
      redis.call('ZADD', parked, due, tag .. '\0' .. list)
    end
    last, count = number, count + 1
  end
end
if count > 0 then redis.call('SET', arrived, string.format('%.0f', last), 'EX', ARGV[1]) end
if ARGV[2] == 'note' then
  if ARGV[3] == '' then redis.call('DEL', KEYS[5]) else redis.call('SET', KEYS[5], ARGV[3], 'EX', ARGV[1]) end
end
return count
