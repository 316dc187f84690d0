--[[
  Sends what is due, each firing once: a slot that is not after the entry's last one has been sent, by us before
  a lost answer or by another leader. Push and note are one step; on a full server the push fails first, and
  nothing is noted.

  KEYS  1 leader  2 states  3… lists and channels
  ARGV  1 our token, then for each firing: entry, slot in ms, what to do, message, how many targets, their places
        among the KEYS. What to do: 'push' into lists, 'publish' on channels, 'skip' to note only.
  Gives 'fenced' when somebody else leads, else for each firing '' (done), 'duplicate <last slot> <count>', or
  'error ' and the server's words.
]]
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 'fenced' end
local results = {}
local at = 2
while at <= #ARGV do
  local name, slot, verb, message, targets = ARGV[at], ARGV[at + 1], ARGV[at + 2], ARGV[at + 3], tonumber(ARGV[at + 4])
  local last, count = string.match(redis.call('HGET', KEYS[2], name) or '', '^(-?%d+) (%d+)$')
  local result = ''
  if last and tonumber(last) >= tonumber(slot) then
    result = 'duplicate ' .. last .. ' ' .. count
  else
    for i = at + 5, at + 4 + targets do
      local command = verb == 'publish' and 'PUBLISH' or 'LPUSH'
      local reply = redis.pcall(command, KEYS[tonumber(ARGV[i])], message)
      if type(reply) == 'table' and reply.err then result = 'error ' .. reply.err end
    end
    if result == '' then
      local sent = verb == 'skip' and 0 or 1
      redis.call('HSET', KEYS[2], name, slot .. ' ' .. string.format('%.0f', tonumber(count or 0) + sent))
    end
  end
  results[#results + 1] = result
  at = at + 5 + targets
end
return results
