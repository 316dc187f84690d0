--[[
  Stores and announces results; a stored SUCCESS is never replaced (WIRE 7.2).

  ARGV  for each: key, text, seconds to keep it (0 for ever)
  Gives how many were stored.
]]
local stored = 0
for at = 1, #ARGV, 3 do
  local key, text, ttl = ARGV[at], ARGV[at + 1], ARGV[at + 2]
  local old = redis.call('GET', key)
  local final = false
  if old then
    local ok, meta = pcall(cjson.decode, old)
    final = ok and type(meta) == 'table' and meta.status == 'SUCCESS'
  end
  if not final then
    if ttl == '0' then redis.call('SET', key, text) else redis.call('SET', key, text, 'EX', ttl) end
    redis.call('PUBLISH', key, text)
    stored = stored + 1
  end
end
return stored
