--[[
  What there is to say of some keys. Reads only, and leaves the age of results and reply queues as it is: by the one a
  server with LRU eviction chooses what to drop, by the other we tell whether a client lives.

  KEYS  the keys, a page of them
  ARGV  1 how the names of lists end whose age matters  2 how many bytes of a list's next message to give
  Gives for each: type ('none' when it is gone), members (-1: not counted, or a string), bytes, milliseconds to live, seconds since
  anybody used it (-1: the server does not say), the beginning of the next message of a list.
]]
local COUNT = { list = 'LLEN', hash = 'HLEN', set = 'SCARD', zset = 'ZCARD', stream = 'XLEN' }
local aging, peek = ARGV[1], tonumber(ARGV[2])
local facts = {}
for i = 1, #KEYS do
  local key = KEYS[i]
  local kind = redis.call('TYPE', key).ok
  local members, bytes, ttl, idle, head = -1, -1, -1, -1, ''
  if kind ~= 'none' then
    bytes = redis.pcall('MEMORY', 'USAGE', key, 'SAMPLES', '5')
    if type(bytes) ~= 'number' then bytes = -1 end
    ttl = redis.call('PTTL', key)
    if kind == 'list' and string.find(key, aging, 1, true) then
      local answer = redis.pcall('OBJECT', 'IDLETIME', key)
      if type(answer) == 'number' then idle = answer end
    elseif COUNT[kind] then
      members = redis.call(COUNT[kind], key)
      if kind == 'list' then head = string.sub(redis.call('LINDEX', key, -1) or '', 1, peek) end
    end
  end
  facts[#facts + 1] = { kind, members, bytes, ttl, idle, head }
end
return facts
