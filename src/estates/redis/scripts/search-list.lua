--[[
  Which items of a part of a list hold a text, and then one of some longer texts around it. A part is as large as the
  caller made it: Redis copies each item.

  KEYS  1 list
  ARGV  1 first index  2 last index  3 how many to give at most  4 the text, then the longer ones
  Gives the length of the list, then index and item of each that holds one.
]]
local first, left = tonumber(ARGV[1]), tonumber(ARGV[3])
local items = redis.call('LRANGE', KEYS[1], ARGV[1], ARGV[2])
local found = { redis.call('LLEN', KEYS[1]) }
for i = 1, #items do
  if left == 0 then break end
  -- Most items hold none of it, and one look tells.
  if string.find(items[i], ARGV[4], 1, true) then
    for text = 5, #ARGV do
      if string.find(items[i], ARGV[text], 1, true) then
        found[#found + 1] = first + i - 1
        found[#found + 1] = items[i]
        left = left - 1
        break
      end
    end
  end
end
return found
