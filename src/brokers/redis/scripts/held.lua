--[[
  Put before every script that answers for deliveries: which of them are still ours?

  The score in unacked_index is the lease. Everything we hold is scored with the time it was taken at,
  or with our last beat since; both are the server's time to the microsecond, and nobody else has used
  either. A Python worker that saw our lease run out (we were frozen) moves the message and, should it
  take it again, scores it with its own time, even under the same tag (R25, R26). So no other record of
  ownership has to be written and removed with each message.

  Our own hash says what to give back when we are dead: for each take its number →
  { "at": time of taking, "runs": [ [how many, list], … ], "tags": "tag tag …" }, in the order of taking.

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

-- The scores that mean "ours": our last beat, and the times of taking.
local function leasesOf(owner, times)
  local leases = {}
  local beat = redis.call('ZSCORE', owners, owner)
  if beat then leases[tonumber(beat)] = true end
  for _, time in ipairs(times) do leases[tonumber(time)] = true end
  return leases
end

-- For each tag whether it is ours.
local function whichAreOurs(leases, tags)
  local ours = {}
  for start = 1, #tags, CHUNK do
    local scores = scoresOf(tags, start, math.min(start + CHUNK - 1, #tags))
    for i = 1, #scores do
      local score = scores[i]
      ours[start + i - 1] = score and leases[tonumber(score)] or false
    end
  end
  return ours
end

-- The message inside '[<message>,"","<queue>"]'; nil for a value that Python wrote.
local function unwrap(value) return value and string.match(value, '^%[(.*),"","[^\n]-"%]$') end

local function inChunks(command, key, members)
  for start = 1, #members, CHUNK do
    redis.call(command, key, unpack(members, start, math.min(start + CHUNK - 1, #members)))
  end
end
