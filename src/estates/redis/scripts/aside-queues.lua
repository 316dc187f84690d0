--[[
  Counts the messages of a page that stands aside by what they are kept with, which begins with their queue.

  KEYS  1 aside
  Gives { what they are kept with, how many, … }.
]]
local counts, kinds, found = {}, {}, {}
for _, entry in ipairs(redis.call('LRANGE', KEYS[1], 0, -1)) do
  local first = string.find(entry, '\0', 1, true)
  local second = first and string.find(entry, '\0', first + 1, true)
  if second then
    local about = string.sub(entry, first + 1, second - 1)
    if not counts[about] then kinds[#kinds + 1] = about end
    counts[about] = (counts[about] or 0) + 1
  end
end
for _, about in ipairs(kinds) do
  found[#found + 1] = about
  found[#found + 1] = counts[about]
end
return found
