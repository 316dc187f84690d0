--[[
  The answers that are not "done": back to its list, aside to the dead letters, parked until it is due.

  KEYS  1–4 as in held.lua  5 ledger  6 parked
  ARGV  1 owner id  2 number of this call  3 how many dead letters to keep, then for each: tag, kind, a, b
        'front'  a = the message as it goes back, '' as it is; at the consuming end
        'back'   the same, at the publishing end
        'dead'   a = the line about it, b = key of the dead letters
        'park'   a = due time in seconds
  Gives the positions of those that were not ours, or 'done' when this call was executed before.
]]
local ledger, parked = KEYS[5], KEYS[6]
local owner, number, keep = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
if tonumber(redis.call('GET', ledger) or 0) >= number then return 'done' end

local fenced = {}
local function answer(tag, record, kind, a, b)
  if kind == 'park' then
    -- The score is the due time: should all of us vanish, Python gives it back a visibility timeout later.
    redis.call('HDEL', own, tag)
    redis.call('ZADD', index, 'XX', a, tag)
    redis.call('ZADD', parked, a, tag .. '\0' .. listOf(record))
    return
  end
  local raw = unwrap(redis.call('HGET', unacked, tag))
  redis.call('HDEL', own, tag)
  if raw == nil then return end
  -- Written before it is removed: an error in between loses nothing.
  if kind == 'dead' then
    redis.call('LPUSH', b, a .. '\n' .. raw)
    redis.call('LTRIM', b, 0, keep - 1)
  else
    redis.call(kind == 'front' and 'RPUSH' or 'LPUSH', listOf(record), a == '' and raw or a)
  end
  redis.call('HDEL', unacked, tag)
  redis.call('ZREM', index, tag)
end

for at = 4, #ARGV, 4 do
  local tag = { ARGV[at] }
  sortOut(owner, tag, 1, 1, function(_, record)
    answer(ARGV[at], record, ARGV[at + 1], ARGV[at + 2], ARGV[at + 3])
  end, function(_, record)
    fenced[#fenced + 1] = (at - 4) / 4 + 1
    if record then redis.call('HDEL', own, ARGV[at]) end
  end)
end
redis.call('HDEL', own, '')
redis.call('SET', ledger, number, 'EX', 3600)
return fenced
