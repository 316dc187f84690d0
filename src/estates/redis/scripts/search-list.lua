--[[
  Which items of a part of a list hold a text. A part is as large as the caller made it: Redis copies each item.

  KEYS  1 list
  ARGV  1 first index  2 last index  3 text  4 how many to give at most
  Gives the length of the list, then index and item of each that holds it.
]]
local items = redis.call('LRANGE', KEYS[1], ARGV[1], ARGV[2])
local first, text, left = tonumber(ARGV[1]), ARGV[3], tonumber(ARGV[4])
local found = { redis.call('LLEN', KEYS[1]) }
for i = 1, #items do
  if left == 0 then break end
  if string.find(items[i], text, 1, true) then
    found[#found + 1] = first + i - 1
    found[#found + 1] = items[i]
    left = left - 1
  end
end
return found
