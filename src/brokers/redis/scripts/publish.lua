--[[
  Puts messages into lists, once: a call that is repeated because no answer came finds its number in
  the ledger (RELIABILITY W11). On a full server the first write fails and nothing is put anywhere.

  KEYS  1 ledger  2… lists
  ARGV  1 number of this call, then for each list: the lengths of its messages as JSON, or nothing for a single one; the messages in one
  Gives for each list '' or what was wrong, or 'done' when this call was executed before.
]]
local number = tonumber(ARGV[1])
if tonumber(redis.call('GET', KEYS[1]) or 0) >= number then return 'done' end
redis.call('SET', KEYS[1], number, 'EX', 3600)
local CHUNK = 1000
local problems = {}
for i = 2, #KEYS do
  local lengths, texts = ARGV[i * 2 - 2], ARGV[i * 2 - 1]
  local messages, from = {}, 1
  if lengths == '' then
    messages[1] = texts
  else
    for j, length in ipairs(cjson.decode(lengths)) do
      messages[j] = string.sub(texts, from, from + length - 1)
      from = from + length
    end
  end
  problems[i - 1] = ''
  for start = 1, #messages, CHUNK do
    local reply = redis.pcall('LPUSH', KEYS[i], unpack(messages, start, math.min(start + CHUNK - 1, #messages)))
    if type(reply) == 'table' and reply.err then problems[i - 1] = reply.err end
  end
end
return problems
