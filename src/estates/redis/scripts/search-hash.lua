--[[
  Which values of a hash hold a text, a step of HSCAN at a time.

  KEYS  1 hash
  ARGV  1 cursor  2 how many to look at, about  3 text
  Gives the next cursor, how many were looked at, then field and value of each that holds it.
]]
local page = redis.call('HSCAN', KEYS[1], ARGV[1], 'COUNT', ARGV[2])
local found = { page[1], #page[2] / 2 }
for i = 2, #page[2], 2 do
  if string.find(page[2][i], ARGV[3], 1, true) then
    found[#found + 1] = page[2][i - 1]
    found[#found + 1] = page[2][i]
  end
end
return found
