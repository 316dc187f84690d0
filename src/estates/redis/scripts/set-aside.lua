--[[
  Moves the next messages of a list, or those that are asked for among them, aside: out of every worker's reach, and
  in nobody's memory alone. Without a place to keep them they are gone.

  What is asked for is found by its bytes: workers take from the same end meanwhile. Near the end the list is written
  anew up to there, which costs what it holds; far from it, the messages are marked and the marks removed.

  KEYS  1 list  2 aside  3 asides  4 restored
  ARGV  1 id of the removal  2 number of the first, '' to keep nothing  3 what each is kept with
        4 how many from the consuming end: all of them, when none is asked for
        5 how many from the consuming end are near  6 a mark  7… the messages asked for
  Gives { numbers of the places, counted from 1 at the consuming end, … } when some are asked for, else how many went.
        'restored' when somebody has begun to put this removal back.
]]
local list, aside, asides, restored = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local id, number, about, deep, near, mark = ARGV[1], tonumber(ARGV[2]), ARGV[3], tonumber(ARGV[4]), tonumber(ARGV[5]), ARGV[6]
if redis.call('EXISTS', restored) == 1 then return 'restored' end
-- A write that needs no memory comes first, so that a full server lets the rest through.
redis.call('ZREM', asides, '')
local CHUNK = 1000

local function keep(messages)
  if not number or #messages == 0 then return end
  local entries = {}
  for i, raw in ipairs(messages) do
    entries[i] = string.format('%.0f', number + i - 1) .. '\0' .. about .. '\0' .. raw
  end
  for start = 1, #entries, CHUNK do redis.call('RPUSH', aside, unpack(entries, start, math.min(start + CHUNK - 1, #entries))) end
  redis.call('ZADD', asides, redis.call('TIME')[1], id)
end

if #ARGV == 6 then
  if not number then
    local length = redis.call('LLEN', list)
    redis.call('LTRIM', list, 0, -deep - 1)
    return math.min(length, deep)
  end
  local window = redis.call('LRANGE', list, -deep, -1)
  local messages = {}
  for i = #window, 1, -1 do messages[#messages + 1] = window[i] end
  keep(messages)
  redis.call('LTRIM', list, 0, -#window - 1)
  return #window
end

local wanted = {}
for i = 7, #ARGV do wanted[ARGV[i]] = (wanted[ARGV[i]] or 0) + 1 end
local far = deep > near
local window = redis.call('LRANGE', list, -deep, far and -(deep - near) - 1 or -1)
local offset = far and deep - near or 0
local found, places, rest = {}, {}, {}
for i = #window, 1, -1 do
  local raw = window[i]
  if (wanted[raw] or 0) > 0 then
    wanted[raw] = wanted[raw] - 1
    found[#found + 1] = raw
    places[#places + 1] = offset + #window - i + 1
  else
    rest[#rest + 1] = raw
  end
end
keep(found)
if #found == 0 then return places end
if far then
  for _, place in ipairs(places) do redis.call('LSET', list, -place, mark) end
  -- From the end that is nearer: it stops at the last of them.
  redis.call('LREM', list, deep * 2 > redis.call('LLEN', list) and #places or -#places, mark)
else
  redis.call('LTRIM', list, 0, -#window - 1)
  local back = {}
  for i = #rest, 1, -1 do back[#back + 1] = rest[i] end
  for start = 1, #back, CHUNK do redis.call('RPUSH', list, unpack(back, start, math.min(start + CHUNK - 1, #back))) end
end
return places
