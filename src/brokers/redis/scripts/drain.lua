--[[
  Empties the lists of a queue: for readers that do not acknowledge, and for a purge.

  KEYS  the lists, in the order of serving
  ARGV  1 'messages' or 'count': what to give
  Gives the messages, oldest first within each list, or how many they were.
]]
local messages, count = {}, 0
for _, list in ipairs(KEYS) do
  count = count + redis.call('LLEN', list)
  if ARGV[1] == 'messages' then
    local items = redis.call('LRANGE', list, 0, -1)
    for i = #items, 1, -1 do messages[#messages + 1] = items[i] end
  end
  redis.call('DEL', list)
end
if ARGV[1] == 'count' then return count end
return messages
