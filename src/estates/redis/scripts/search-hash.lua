--[[
  Which values of a hash hold one of some texts, a step of HSCAN at a time.

  KEYS  1 hash
  ARGV  1 cursor  2 how many to look at, about, then the texts
  Gives the next cursor, then field and value of each that holds one.
]]
local page = redis.call('HSCAN', KEYS[1], ARGV[1], 'COUNT', ARGV[2])
local found = { page[1] }
for i = 2, #page[2], 2 do
  for text = 3, #ARGV do
    if string.find(page[2][i], ARGV[text], 1, true) then
      found[#found + 1] = page[2][i - 1]
      found[#found + 1] = page[2][i]
      break
    end
  end
end
return found
