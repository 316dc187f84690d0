--[[
  Put before every script that keeps failed tasks: the newest `kept`, none older than `keptFor` seconds (0: for ever).
  One record for each task: one that fails again replaces its own.
]]
local function dropFailed(records, times, ids)
  if #ids == 0 then return end
  redis.call('HDEL', records, unpack(ids))
  redis.call('ZREM', times, unpack(ids))
end

-- at: milliseconds since 1970. record: a line about it, a line feed, the message.
local function keepFailed(records, times, id, at, record, kept, keptFor)
  -- A record is never worth a settlement that fails over it, again and again.
  local reply = redis.pcall('HSET', records, id, record)
  if type(reply) == 'table' and reply.err then return end
  redis.call('ZADD', times, at, id)
  -- A few at a time: a limit that was lowered must not stop the server once.
  local over = redis.call('ZCARD', times) - kept
  if over > 0 then dropFailed(records, times, redis.call('ZRANGE', times, 0, math.min(over, 100) - 1)) end
  if keptFor <= 0 then
    redis.call('PERSIST', records)
    redis.call('PERSIST', times)
    return
  end
  dropFailed(records, times, redis.call('ZRANGEBYSCORE', times, '-inf', string.format('%.0f', at - keptFor * 1000), 'LIMIT', 0, 100))
  redis.call('EXPIRE', records, math.ceil(keptFor))
  redis.call('EXPIRE', times, math.ceil(keptFor))
end
