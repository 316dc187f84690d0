--[[
  The answers that are not "done": back to its list, aside to the dead letters, parked until it is due.

  KEYS  1–4 as in held.lua  5 ledger  6 parked  7 due, as in unpark.lua
  ARGV  1 owner id  2 number of this call  3 how many dead letters to keep  4 how many times of taking
        5 how many takes are over
        the times, the numbers of the takes that are over, then for each: tag, kind, a, b
        'front'  a = list, b = the message as it goes back, '' as it is; at the consuming end
        'back'   the same, at the publishing end
        'dead'   a = key of the dead letters, b = the line about it
        'park'   a = list, b = due time in seconds
  Gives the positions of those that were not ours, or 'done' when this call was executed before.
]]
local ledger, parked, due = KEYS[5], KEYS[6], KEYS[7]
local owner, number, keep, times, over = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
if tonumber(redis.call('GET', ledger) or 0) >= number then return 'done' end

local first = 6 + times + over
local tags = {}
for at = first, #ARGV, 4 do tags[#tags + 1] = ARGV[at] end
local ours = whichAreOurs(leasesOf(owner, { unpack(ARGV, 6, 5 + times) }), tags)
-- As in take.lua: a full server must let us give things back.
redis.call('HDEL', own, '', unpack(ARGV, 6 + times, 5 + times + over))

-- What goes back to the front of a list stays before what falls due after it: if the mark was taken, this is one.
local marked = {}
local function mark(list, raw)
  if marked[list] then return end
  marked[list] = true
  local before = redis.call('HGET', due, list)
  if #raw > 65536 then return end
  if not before or before == '' or not redis.pcall('LPOS', list, before, 'RANK', -1, 'MAXLEN', 2000) then redis.call('HSET', due, list, raw) end
end

local fenced = {}
for i, tag in ipairs(tags) do
  local at = first + (i - 1) * 4
  local kind, a, b = ARGV[at + 1], ARGV[at + 2], ARGV[at + 3]
  if not ours[i] then
    fenced[#fenced + 1] = i
  elseif kind == 'park' then
    -- The score is the due time: should all of us vanish, Python gives it back a visibility timeout later.
    redis.call('ZADD', index, 'XX', b, tag)
    redis.call('ZADD', parked, b, tag .. '\0' .. a)
  else
    local raw = unwrap(redis.call('HGET', unacked, tag))
    -- Written before it is removed: an error in between loses nothing.
    if raw and kind == 'dead' then
      redis.call('LPUSH', a, b .. '\n' .. raw)
      redis.call('LTRIM', a, 0, keep - 1)
    elseif raw then
      local text = b == '' and raw or b
      redis.call(kind == 'front' and 'RPUSH' or 'LPUSH', a, text)
      if kind == 'front' then mark(a, text) end
    end
    redis.call('HDEL', unacked, tag)
    redis.call('ZREM', index, tag)
  end
end
redis.call('SET', ledger, number, 'EX', 3600)
return fenced
