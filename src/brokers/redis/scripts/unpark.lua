--[[
  Moves parked deliveries that are due to the consuming ends of their lists, the earliest to be served first. Any
  process may call it.

  What lands at the consuming end overtakes what was put there before. So a list gets more only when few are left there,
  and these are lifted: the new ones go below them. Until then those that are due wait in the list's line, in the order
  of their times: it may be long, and must not keep other lists waiting.

  KEYS  1 unacked  2 unacked_index  3 parked  4 due: list → its mark, the lowest message of those that were put there
  ARGV  1 how many at most in one call, and at once in one list  2 what the key of a line begins with
  Gives { moved, due by now, milliseconds until the next is due or -1, how many are in lines }.
]]
local unacked, index, parked, due = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local most = tonumber(ARGV[1])
local time = redis.call('TIME')
local now = tonumber(string.format('%d.%06d', time[1], time[2]))
-- A mark is compared with hundreds of others; of a larger one the place is not watched.
local LONGEST_MARK = 65536
-- On the mark lie those put there with it, and what was given back since.
local DEPTH = most * 2 + 1000

local function line(list) return ARGV[2] .. list end

-- How many of those that were put there are left; 0 when that cannot be told.
local function left(list, mark)
  if mark == '' then return 0 end
  -- LPOS came with Redis 6.0.6. Without it nothing waits, and those due later may overtake.
  local place = redis.pcall('LPOS', list, mark, 'RANK', -1, 'MAXLEN', DEPTH)
  if type(place) ~= 'number' then return 0 end
  return redis.call('LLEN', list) - place
end

-- A parked delivery is scored with its due time. Another score: it was given back by the visibility timeout, and
-- somebody has taken it again, under the same tag.
local function isParked(tag, dueTime) return tonumber(redis.call('ZSCORE', index, tag) or -1) == tonumber(dueTime) end

local function put(list, members)
  local moved, mark = 0, ''
  for i = #members - 1, 1, -2 do
    local tag = string.match(members[i], '^(%Z*)')
    local value = isParked(tag, members[i + 1]) and redis.call('HGET', unacked, tag)
    local raw = string.match(value or '', '^%[(.*),"","[^\n]-"%]$')
    -- No message: somebody gave it back by the visibility timeout. No number: the list's key is of another type,
    -- and the message stays in unacked, where the sweep will find it.
    if raw and type(redis.pcall('RPUSH', list, raw)) == 'number' then
      redis.call('HDEL', unacked, tag)
      redis.call('ZREM', index, tag)
      if moved == 0 and #raw <= LONGEST_MARK then mark = raw end
      moved = moved + 1
    end
  end
  return moved, mark
end

-- A write that needs no memory comes first: a full server lets the rest through.
redis.call('HDEL', due, '')

local fresh = redis.call('ZRANGEBYSCORE', parked, '-inf', string.format('%.6f', now), 'WITHSCORES', 'LIMIT', 0, most)
for i = 1, #fresh, 2 do
  local list = string.match(fresh[i], '^%Z*%z(.*)$')
  redis.call('ZREM', parked, fresh[i])
  if list then
    redis.call('ZADD', line(list), fresh[i + 1], fresh[i])
    redis.call('HSETNX', due, list, '')
  end
end

local moved, waiting = 0, 0
local marks = redis.call('HGETALL', due)
for i = 1, #marks, 2 do
  local list, mark = marks[i], marks[i + 1]
  local count = left(list, mark)
  if count <= most then
    local members = redis.call('ZRANGE', line(list), 0, most - 1, 'WITHSCORES')
    if #members > 0 then
      local lifted = count > 0 and redis.call('LRANGE', list, -count, -1) or {}
      if count > 0 then redis.call('LTRIM', list, 0, -count - 1) end
      local some, below = put(list, members)
      if count > 0 then redis.call('RPUSH', list, unpack(lifted)) end
      if some > 0 then redis.call('HSET', due, list, below) end
      redis.call('ZREMRANGEBYRANK', line(list), 0, #members / 2 - 1)
      moved = moved + some
    elseif count == 0 then
      redis.call('HDEL', due, list)
    end
  end
  waiting = waiting + redis.call('ZCARD', line(list))
end

local first = redis.call('ZRANGE', parked, 0, 0, 'WITHSCORES')
local wait = -1
if first[2] then wait = math.max(0, math.ceil((tonumber(first[2]) - now) * 1000)) end
return { moved, #fresh / 2, math.min(wait, 2147483647), waiting }
