--[[
  Takes up to <count> messages and records them in the same step, so that none is ever in nobody's
  hands (RELIABILITY R1): read from the consuming ends, written to unacked, unacked_index and our own
  hash, and only then cut off. Whatever fails before the cut changes no list.

  The message is wrapped as it is, never encoded again: numbers and empty arrays would not survive.
  Redis lists priority steps from 0 upwards, so 0 is served first (WIRE 6.3).

  KEYS  1 unacked  2 unacked_index  3 own  4 owners
        5…           the lists: for each step, for each queue in its turn
        the rest     the queues' dead letters, in the same order of queues
  ARGV  1 how many  2 number of queues  3 owner id  4 number of the first delivery (for their order)
        5 'round_robin' takes one of each queue in turn, 'greedy' all it can of the first
        6 start of fresh delivery tags  7 how many dead letters to keep
        8…           for each queue what follows the message in unacked: ,"","<queue>"]
  Gives { messages, runs, named, dead }
        runs   'list:count;…' with lists counted from 1, in the order of the messages
        named  position, tag, … of the messages whose tag does not stand at their end
        dead   list, raw, … of the items that are no message and were put aside
]]
local unacked, index, own, owners = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local count, queues, owner, first = tonumber(ARGV[1]), tonumber(ARGV[2]), ARGV[3], tonumber(ARGV[4])
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

local raws, from, cuts = {}, {}, {}
for step = 0, steps - 1 do
  if #raws >= count then break end
  local waiting, total = {}, 0
  for q = 1, queues do
    waiting[q] = redis.call('LLEN', KEYS[lists + step * queues + q])
    total = total + waiting[q]
  end
  if total > 0 then
    local order, amount = {}, {}
    local left = math.min(count - #raws, total)
    if queues == 1 or ARGV[5] == 'greedy' then
      for _, q in ipairs(turn) do
        local n = math.min(left, waiting[q])
        for _ = 1, n do order[#order + 1] = q end
        amount[q] = n
        left = left - n
      end
    else
      while left > 0 do
        for _, q in ipairs(turn) do
          if left > 0 and waiting[q] > (amount[q] or 0) then
            order[#order + 1] = q
            amount[q] = (amount[q] or 0) + 1
            left = left - 1
            uses = uses + 1
            lastUse[q] = uses
          end
        end
      end
      table.sort(turn, function(a, b) return lastUse[a] < lastUse[b] end)
    end
    local items, at = {}, {}
    for q, n in pairs(amount) do
      if n > 0 then
        local list = lists + step * queues + q
        items[q] = redis.call('LRANGE', KEYS[list], -n, -1)
        at[q] = n
        cuts[#cuts + 1] = { list, n }
      end
    end
    for _, q in ipairs(order) do
      raws[#raws + 1] = items[q][at[q]]
      from[#raws] = step * queues + q
      at[q] = at[q] - 1
    end
  end
end
if #raws == 0 then return { {}, '', {}, {} } end

-- The tag stands at the end of what kombu and we write; only others need a look inside.
local function tagOf(raw)
  if string.byte(raw, 1) == 123 then
    local tag = string.match(string.sub(raw, -120), '"delivery_tag": ?"([%w%-_.]+)"}}$')
    if tag then return tag, true, false end
  end
  local ok, message = pcall(cjson.decode, raw)
  if not ok or type(message) ~= 'table' or string.find(raw, '^%s*{') == nil then return nil, false end
  local properties = message.properties
  local tag = type(properties) == 'table' and properties.delivery_tag
  if type(tag) == 'string' and #tag <= 200 and string.find(tag, '^[%w%-_.:@]+$') then return tag, true, true end
  return nil, true, true
end

local messages, sources, tags, named, dead, seen = {}, {}, {}, {}, {}, {}
local function name(position, tag)
  named[#named + 1] = position
  named[#named + 1] = tag
  return tag
end
local function freshTag(position) return name(position, ARGV[6] .. '-' .. position) end
for i = 1, #raws do
  local tag, whole, inside = tagOf(raws[i])
  if whole then
    local position = #messages + 1
    if tag == nil or seen[tag] then
      tag = freshTag(position)
    elseif inside then
      name(position, tag)
    end
    seen[tag] = true
    messages[position], sources[position], tags[position] = raws[i], from[i], tag
  else
    dead[#dead + 1] = from[i]
    dead[#dead + 1] = raws[i]
  end
end

-- A tag that is in use already gets another one: its record would be overwritten (R24).
for start = 1, #tags, CHUNK do
  local stop = math.min(start + CHUNK - 1, #tags)
  local scores = {}
  for i = start, stop do
    scores[#scores + 1] = now
    scores[#scores + 1] = tags[i]
  end
  if redis.call('ZADD', index, 'NX', unpack(scores)) < stop - start + 1 then
    for i = start, stop do
      if tonumber(redis.call('ZSCORE', index, tags[i])) ~= tonumber(now) then
        tags[i] = freshTag(i)
        redis.call('ZADD', index, now, tags[i])
      end
    end
  end
  local records, owned = {}, {}
  for i = start, stop do
    local q = (sources[i] - 1) % queues + 1
    records[#records + 1] = tags[i]
    records[#records + 1] = '[' .. messages[i] .. ARGV[7 + q]
    owned[#owned + 1] = tags[i]
    owned[#owned + 1] = now .. ' ' .. (first + i) .. ' ' .. KEYS[lists + sources[i]]
  end
  redis.call('HSET', unacked, unpack(records))
  redis.call('HSET', own, unpack(owned))
end
redis.call('ZADD', owners, 'NX', now, owner)

for i = 1, #dead, 2 do
  local letters = KEYS[lists + steps * queues + (dead[i] - 1) % queues + 1]
  local about = '{"reason": "not a message", "at": ' .. now .. ', "owner": "' .. owner .. '"}'
  redis.call('LPUSH', letters, about .. '\n' .. dead[i + 1])
  redis.call('LTRIM', letters, 0, tonumber(ARGV[7]) - 1)
end
for _, cut in ipairs(cuts) do redis.call('LTRIM', KEYS[cut[1]], 0, -cut[2] - 1) end

local runs, list, length = {}, sources[1], 0
for i = 1, #sources do
  if sources[i] ~= list then
    runs[#runs + 1] = list .. ':' .. length
    list, length = sources[i], 0
  end
  length = length + 1
end
if list then runs[#runs + 1] = list .. ':' .. length end
return { messages, table.concat(runs, ';'), named, dead }
