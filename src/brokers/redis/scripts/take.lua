--[[
  Takes up to <count> messages and records them in the same step, so that none is ever in nobody's
  hands (RELIABILITY R1): read from the consuming ends, written to unacked and unacked_index, and only
  then cut off. Whatever fails before the cut changes no list.

  The message is wrapped as it is, never encoded again: numbers and empty arrays would not survive.
  Redis lists priority steps from 0 upwards, so 0 is served first (WIRE 6.3).

  KEYS  1 unacked  2 unacked_index  3 own  4 owners
        5…           the lists: for each step, for each queue in its turn
        the rest     the queues' dead letters, in the same order of queues
  ARGV  1 how many  2 number of queues  3 owner id  4 number of this take
        5 'round_robin' takes one of each queue in turn, 'greedy' all it can of the first
        6 start of fresh delivery tags  7 how many dead letters to keep
        8…           for each queue what follows the message in unacked: ,"","<queue>"]
  Gives { time of taking, messages, runs, named, dead }
        messages  one by one: putting them together into one text costs Lua more than all the rest
        runs   'list:count;…' with lists counted from 1, in the order of the messages
        named  position, tag, … of the messages whose tag does not stand at their end
        dead   list, raw, … of the items that are no message and were put aside
]]
local unacked, index, own, owners = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local count, queues, owner = tonumber(ARGV[1]), tonumber(ARGV[2]), ARGV[3]
local lists = 4
local steps = (#KEYS - lists - queues) / queues
local CHUNK = 1000

local time = redis.call('TIME')
local now = string.format('%d.%06d', time[1], time[2])

-- A write that needs no memory comes first: Redis then lets the rest through even when it is full,
-- and taking is what empties it (R11).
redis.call('HDEL', own, '')

-- The turn of the queues changes as they deliver: whoever did goes to the end.
local turn, lastUse, uses = {}, {}, queues
for q = 1, queues do turn[q] = q; lastUse[q] = q end

-- In which order to take from which queue, and how many of each.
local function plan(waiting, left)
  local order, amount, n = {}, {}, 0
  if queues == 1 or ARGV[5] == 'greedy' then
    for _, q in ipairs(turn) do
      amount[q] = math.min(left - n, waiting[q])
      for i = n + 1, n + amount[q] do order[i] = q end
      n = n + amount[q]
    end
    return order, amount
  end
  while n < left do
    for _, q in ipairs(turn) do
      if n < left and waiting[q] > (amount[q] or 0) then
        n = n + 1
        order[n] = q
        amount[q] = (amount[q] or 0) + 1
        uses = uses + 1
        lastUse[q] = uses
      end
    end
  end
  table.sort(turn, function(a, b) return lastUse[a] < lastUse[b] end)
  return order, amount
end

local raws, from, cuts, taken = {}, {}, {}, 0
for step = 0, steps - 1 do
  if taken >= count then break end
  local waiting, total = {}, 0
  for q = 1, queues do
    waiting[q] = redis.call('LLEN', KEYS[lists + step * queues + q])
    total = total + waiting[q]
  end
  if total > 0 then
    local order, amount = plan(waiting, math.min(count - taken, total))
    local items, at = {}, {}
    for q, n in pairs(amount) do
      if n > 0 then
        local list = lists + step * queues + q
        items[q] = redis.call('LRANGE', KEYS[list], -n, -1)
        at[q] = n
        cuts[#cuts + 1] = { list, n }
      end
    end
    for i = 1, #order do
      local q = order[i]
      taken = taken + 1
      raws[taken] = items[q][at[q]]
      from[taken] = step * queues + q
      at[q] = at[q] - 1
    end
  end
end
if taken == 0 then return { now, {}, '', {}, {} } end

-- kombu and we write the tag, a UUID, at the very end; only others need a look inside.
local tags, named, dead = {}, {}, {}
local function name(position, tag)
  named[#named + 1] = position
  named[#named + 1] = tag
  return tag
end
local function freshTag(position) return name(position, ARGV[6] .. '-' .. position) end
local function tagInside(raw)
  local ok, message = pcall(cjson.decode, raw)
  if not ok or type(message) ~= 'table' or string.find(raw, '^%s*{') == nil then return false end
  local properties = message.properties
  local tag = type(properties) == 'table' and properties.delivery_tag
  if type(tag) == 'string' and #tag <= 200 and string.find(tag, '^[%w%-_.:@]+$') then return tag end
  return nil
end
local messages, n = raws, 0
for i = 1, taken do
  local raw = raws[i]
  local tag = string.sub(raw, -56, -40) == '"delivery_tag": "' and string.sub(raw, -39, -4)
  if tag and string.byte(raw, 1) == 123 and string.sub(raw, -3) == '"}}' and string.find(tag, '^[%w%-]+$') then
    n = n + 1
    messages[n], from[n], tags[n] = raw, from[i], tag
  else
    tag = tagInside(raw)
    if tag == false then
      dead[#dead + 1] = from[i]
      dead[#dead + 1] = raw
    else
      n = n + 1
      messages[n], from[n] = raw, from[i]
      tags[n] = tag and name(n, tag) or freshTag(n)
    end
  end
end
for i = n + 1, taken do messages[i] = nil end

-- A tag that is in use already gets another one: its record would be overwritten (R24).
local seen
local function distinct(start, stop)
  seen = seen or {}
  for i = 1, stop do
    if i >= start and (seen[tags[i]] or tonumber(redis.call('ZSCORE', index, tags[i])) ~= tonumber(now)) then
      tags[i] = freshTag(i)
      redis.call('ZADD', index, now, tags[i])
    end
    seen[tags[i]] = true
  end
end
for start = 1, n, CHUNK do
  local stop = math.min(start + CHUNK - 1, n)
  local scores, records, s = {}, {}, 0
  for i = start, stop do
    scores[s + 1], scores[s + 2] = now, tags[i]
    s = s + 2
  end
  if redis.call('ZADD', index, 'NX', unpack(scores)) < stop - start + 1 then distinct(start, stop) end
  s = 0
  for i = start, stop do
    records[s + 1], records[s + 2] = tags[i], '[' .. messages[i] .. ARGV[8 + (from[i] - 1) % queues]
    s = s + 2
  end
  redis.call('HSET', unacked, unpack(records))
end

local runs, names, list, length = {}, {}, from[1], 0
for i = 1, n + 1 do
  if i > n or from[i] ~= list then
    if length > 0 then
      runs[#runs + 1] = list .. ':' .. length
      names[#names + 1] = { length, KEYS[lists + list] }
    end
    list, length = from[i], 0
  end
  length = length + 1
end
if n > 0 then
  redis.call('HSET', own, ARGV[4], cjson.encode({ at = now, runs = names, tags = table.concat(tags, ' ') }))
  redis.call('ZADD', owners, 'NX', now, owner)
end

for i = 1, #dead, 2 do
  local letters = KEYS[lists + steps * queues + (dead[i] - 1) % queues + 1]
  local about = '{"reason": "not a message", "at": ' .. now .. ', "owner": "' .. owner .. '"}'
  redis.call('LPUSH', letters, about .. '\n' .. dead[i + 1])
  redis.call('LTRIM', letters, 0, tonumber(ARGV[7]) - 1)
end
for _, cut in ipairs(cuts) do redis.call('LTRIM', KEYS[cut[1]], 0, -cut[2] - 1) end
return { now, messages, table.concat(runs, ';'), named, dead }
