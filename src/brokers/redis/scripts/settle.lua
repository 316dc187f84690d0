--[[
  Acknowledges deliveries, and stores and announces results in the same step (RELIABILITY (e) 8).
  A stored SUCCESS is never replaced (WIRE 7.2). Of a delivery that is not ours any more nothing is
  written.

  KEYS  1–4 as in held.lua  5 ledger
  ARGV  1 owner id  2 number of this call  3 how many times of taking  4 how many takes are over
        the times, the numbers of the takes that are over,
        then for each delivery its tag, or where it has a result '<tag>\n<text>\n<seconds to keep it, 0 for ever> <key>':
        one argument costs both sides less than four, and neither tags nor JSON have line feeds
  Gives the positions of those that were not ours, or 'done' when this call was executed before.
]]
local ledger, owner, number = KEYS[5], ARGV[1], tonumber(ARGV[2])
local times, over = tonumber(ARGV[3]), tonumber(ARGV[4])
if tonumber(redis.call('GET', ledger) or 0) >= number then return 'done' end

local first = 5 + times + over
local tags, ends, count = {}, {}, #ARGV - first + 1
for i = 1, count do
  local item = ARGV[first + i - 1]
  local stop = string.find(item, '\n', 1, true)
  tags[i], ends[i] = stop and string.sub(item, 1, stop - 1) or item, stop
end

local ours = whichAreOurs(leasesOf(owner, { unpack(ARGV, 5, 4 + times) }), tags)
local settled, fenced, keys, texts, keep = {}, {}, {}, {}, {}
local s, k = 0, 0
for i = 1, count do
  if ours[i] then
    s = s + 1
    settled[s] = tags[i]
    local stop = ends[i]
    if stop then
      local item = ARGV[first + i - 1]
      local second = string.find(item, '\n', stop + 1, true)
      local space = string.find(item, ' ', second + 1, true)
      k = k + 1
      texts[k] = string.sub(item, stop + 1, second - 1)
      keep[k], keys[k] = string.sub(item, second + 1, space - 1), string.sub(item, space + 1)
    end
  else
    fenced[#fenced + 1] = i
  end
end

-- First what frees memory: a server that is full then lets the rest through (R11).
redis.call('HDEL', own, '', unpack(ARGV, 5 + times, 4 + times + over))
inChunks('HDEL', unacked, settled)
inChunks('ZREM', index, settled)

for start = 1, k, CHUNK do
  local stop = math.min(start + CHUNK - 1, k)
  local before = redis.call('MGET', unpack(keys, start, stop))
  for i = start, stop do
    local old, final = before[i - start + 1], false
    if old then
      local ok, meta = pcall(cjson.decode, old)
      final = ok and type(meta) == 'table' and meta.status == 'SUCCESS'
    end
    if not final then
      local text, ttl = texts[i], keep[i]
      if ttl == '0' then redis.call('SET', keys[i], text) else redis.call('SET', keys[i], text, 'EX', ttl) end
      redis.call('PUBLISH', keys[i], text)
    end
  end
end
redis.call('SET', ledger, number, 'EX', 3600)
return fenced
