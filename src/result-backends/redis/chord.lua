--[[
  Put before every script that counts the parts of chords (WIRE 7.6), in Celery's keys and Celery's words:
  `.j` the parts, `.s` how many there must be, `.t` how many were added later.

  A part that ended before replaces itself: by its task id, not by its index, which parts of different
  groups share (chord-keys #5). Members of one index are few; only parts without any index, which no
  Celery since 4.4 sends, have to be looked for among all, and only when their message came again.
]]
local function earlierPart(members, prefix)
  for _, member in ipairs(members) do
    if string.sub(member, 1, #prefix) == prefix then return member end
  end
end

-- base: the key of the group. mode: 'zset' or 'list'. score: the index or '+inf'. prefix: how the part's member begins.
-- Gives all members when none is missing, else nil.
local function addPart(base, mode, score, prefix, member, ttl, redelivered)
  local parts, size, extra = base .. '.j', base .. '.s', base .. '.t'
  local count
  if mode == 'zset' then
    local earlier
    if score ~= '+inf' then
      earlier = earlierPart(redis.call('ZRANGEBYSCORE', parts, score, score), prefix)
    elseif redelivered then
      earlier = earlierPart(redis.call('ZRANGE', parts, 0, -1), prefix)
    end
    if earlier and earlier ~= member then redis.call('ZREM', parts, earlier) end
    redis.call('ZADD', parts, score, member)
    count = redis.call('ZCARD', parts)
  else
    local at = 0
    if redelivered then
      for i, there in ipairs(redis.call('LRANGE', parts, 0, -1)) do
        if string.sub(there, 1, #prefix) == prefix then at = i end
      end
    end
    if at > 0 then redis.call('LSET', parts, at - 1, member) else redis.call('RPUSH', parts, member) end
    count = redis.call('LLEN', parts)
  end
  if ttl > 0 then
    redis.call('EXPIRE', parts, ttl)
    redis.call('EXPIRE', size, ttl)
    redis.call('EXPIRE', extra, ttl)
  end
  local wanted = tonumber(redis.call('GET', size) or nil)
  -- A Python worker that sends a group at the end of a chain sets the size anew, too low (chord-keys #5): hence not ==.
  if wanted == nil or count < wanted + tonumber(redis.call('GET', extra) or 0) then return nil end
  return redis.call(mode == 'zset' and 'ZRANGE' or 'LRANGE', parts, 0, -1)
end

-- Gives whether the chord was still open.
local function closeChord(base)
  local open = redis.call('EXISTS', base .. '.s') == 1
  redis.call('DEL', base .. '.j', base .. '.s', base .. '.t')
  return open
end
