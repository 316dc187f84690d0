--[[
  Put before every script that answers for deliveries: which of them are still ours?

  A record in our own hash is 'taken-at number list'. That alone is not enough: a Python worker that
  saw our lease run out (we were frozen) moved the message without knowing our hash, and may have taken
  it again under the same tag. But it scored the tag with its own time, and ours are scored either with
  our last beat or, before the first beat, with the time of taking (R25, R26).

  KEYS  1 unacked  2 unacked_index  3 own  4 owners
]]
local unacked, index, own, owners = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local CHUNK = 1000

local function serverTime()
  local time = redis.call('TIME')
  return string.format('%d.%06d', time[1], time[2])
end

local function scoresOf(tags, start, stop)
  local scores = redis.pcall('ZMSCORE', index, unpack(tags, start, stop))
  if scores.err == nil then return scores end
  -- ZMSCORE came with Redis 6.2.
  scores = {}
  for i = start, stop do scores[i - start + 1] = redis.call('ZSCORE', index, tags[i]) end
  return scores
end

-- Calls visit(i, record) for each tag of tags[start..stop] that is ours, and other(i, record or false) for the rest.
local function sortOut(owner, tags, start, stop, visit, other)
  if stop < start then return end
  local beat = tonumber(redis.call('ZSCORE', owners, owner) or nil)
  local records = redis.call('HMGET', own, unpack(tags, start, stop))
  local scores = scoresOf(tags, start, stop)
  for i = start, stop do
    local record, score = records[i - start + 1], tonumber(scores[i - start + 1] or nil)
    if record and score and (score == beat or score == tonumber(string.match(record, '^%S+'))) then
      visit(i, record)
    else
      other(i, record)
    end
  end
end

local function listOf(record) return string.match(record, '^%S+ %S+ (.*)$') end

-- The message inside '[<message>,"","<queue>"]'; nil for a value that Python wrote.
local function unwrap(value) return value and string.match(value, '^%[(.*),"","[^\n]-"%]$') end

local function inChunks(command, key, members)
  for start = 1, #members, CHUNK do
    redis.call(command, key, unpack(members, start, math.min(start + CHUNK - 1, #members)))
  end
end
