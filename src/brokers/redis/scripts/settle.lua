--[[
  Acknowledges deliveries, and stores and announces results in the same step (RELIABILITY (e) 8).
  A stored SUCCESS is never replaced (WIRE 7.2). Of a delivery that is not ours any more nothing is
  written.

  KEYS  1–4 as in held.lua  5 ledger
  ARGV  1 owner id  2 number of this call  3 how many times of taking  4 how many takes are over
        5 how many without a result
        the times, the numbers of the takes that are over, the tags without a result,
        then tag, key, text, seconds to keep it (0 for ever) for each with a result
  Gives the positions of those that were not ours, or 'done' when this call was executed before.
]]
local ledger, owner, number = KEYS[5], ARGV[1], tonumber(ARGV[2])
local times, over, plain = tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
if tonumber(redis.call('GET', ledger) or 0) >= number then return 'done' end

local at = 6 + times + over
local results = at + plain
local tags = {}
for i = 1, plain do tags[i] = ARGV[at + i - 1] end
local count = plain
for i = results, #ARGV, 4 do
  count = count + 1
  tags[count] = ARGV[i]
end

local ours = whichAreOurs(leasesOf(owner, { unpack(ARGV, 6, 5 + times) }), tags)
local settled, fenced, keys, places = {}, {}, {}, {}
local s, k = 0, 0
for i = 1, count do
  if ours[i] then
    s = s + 1
    settled[s] = tags[i]
    if i > plain then
      local place = results + (i - plain - 1) * 4
      k = k + 1
      keys[k], places[k] = ARGV[place + 1], place
    end
  else
    fenced[#fenced + 1] = i
  end
end

-- First what frees memory: a server that is full then lets the rest through (R11).
redis.call('HDEL', own, '', unpack(ARGV, 6 + times, 5 + times + over))
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
      local text, ttl = ARGV[places[i] + 2], ARGV[places[i] + 3]
      if ttl == '0' then redis.call('SET', keys[i], text) else redis.call('SET', keys[i], text, 'EX', ttl) end
      redis.call('PUBLISH', keys[i], text)
    end
  end
end
redis.call('SET', ledger, number, 'EX', 3600)
return fenced
