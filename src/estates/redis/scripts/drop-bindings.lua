--[[
  Removes bindings of queues that nobody reads any more, each with its list, when that is still so.

  KEYS  1 the set of bindings, then the list of each
  ARGV  1 'readers' or 'listeners': what an exchange has that is alive  2 channel of the listeners
        3 seconds that a list was not touched when its reader is gone, then the binding of each
  Gives how many bindings and lists went.
]]
local deserted
if ARGV[1] == 'readers' then
  deserted = string.find(redis.call('INFO', 'clients'), 'blocked_clients:0\r', 1, true) ~= nil
else
  deserted = redis.call('PUBSUB', 'NUMPAT') == 0 and tonumber(redis.call('PUBSUB', 'NUMSUB', ARGV[2])[2]) == 0
end
local gone = 0
for i = 2, #KEYS do
  local lost
  if redis.call('EXISTS', KEYS[i]) == 0 then
    lost = deserted
  else
    local idle = redis.pcall('OBJECT', 'IDLETIME', KEYS[i])
    lost = type(idle) == 'number' and idle >= tonumber(ARGV[3])
  end
  if lost then gone = gone + redis.call('UNLINK', KEYS[i]) + redis.call('SREM', KEYS[1], ARGV[i + 2]) end
end
return gone
