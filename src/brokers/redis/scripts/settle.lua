--[[
  Acknowledges deliveries, and stores and announces results in the same step (RELIABILITY (e) 8).
  A stored SUCCESS is never replaced (WIRE 7.2). Of a delivery that is not ours any more nothing is
  written.

  KEYS  1–4 as in held.lua  5 ledger
  ARGV  1 owner id  2 number of this call  3 how many without a result
        their tags, then tag, key, text, seconds to keep it (0 for ever) for each with a result
  Gives the positions of those that were not ours, or 'done' when this call was executed before.
]]
local ledger, owner, number, plain = KEYS[5], ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local results = 4 + plain
if tonumber(redis.call('GET', ledger) or 0) >= number then return 'done' end

local tags = {}
for i = 1, plain do tags[i] = ARGV[3 + i] end
for at = results, #ARGV, 4 do tags[#tags + 1] = ARGV[at] end

local settled, forget, fenced, keys, places = {}, {}, {}, {}, {}
for start = 1, #tags, CHUNK do
  sortOut(owner, tags, start, math.min(start + CHUNK - 1, #tags), function(i)
    settled[#settled + 1] = tags[i]
    forget[#forget + 1] = tags[i]
    if i > plain then
      local at = results + (i - plain - 1) * 4
      keys[#keys + 1], places[#places + 1] = ARGV[at + 1], at
    end
  end, function(i, record)
    fenced[#fenced + 1] = i
    if record then forget[#forget + 1] = tags[i] end
  end)
end

-- First what frees memory: a server that is full then lets the rest through (R11).
redis.call('HDEL', own, '')
inChunks('HDEL', own, forget)
inChunks('HDEL', unacked, settled)
inChunks('ZREM', index, settled)

for start = 1, #keys, CHUNK do
  local stop = math.min(start + CHUNK - 1, #keys)
  local before = redis.call('MGET', unpack(keys, start, stop))
  for i = start, stop do
    local old = before[i - start + 1]
    local final = false
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
