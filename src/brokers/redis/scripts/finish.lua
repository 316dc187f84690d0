--[[
  Ends deliveries whose tasks set more in motion than a result: notes the part of a chord, sends
  messages, stores results, acknowledges; all of it or, for a delivery that is not ours any more, nothing.
  A part that completes its chord is only noted: its delivery stays ours until the body is sent.

  KEYS  1–4 as in held.lua  5 ledger  6 failed tasks  7 when they failed
  ARGV  1 owner id  2 number of this call  3 how many times of taking  4 how many takes are over
        the times, the numbers of the takes that are over, then for each delivery:
        tag
        key of the chord it is a part of, or ''; then: mode, score, prefix, member, ttl, '1' when delivered again
        key of the chord that is closed, or ''
        id of the task when it failed and is to be kept, or ''; then: when, a line about it, how many to keep, how many seconds,
        and the largest message to keep (0 for any; of a larger one the line alone)
        how many messages, then list and text of each
        how many results, then key, text and seconds to keep it (0 for ever) of each
  Gives for each delivery 'settled', 'fenced' or the members of the complete chord;
  or 'done' when this call was executed before.
]]
local ledger, owner, number, times, over = KEYS[5], ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
if tonumber(redis.call('GET', ledger) or 0) >= number then return 'done' end

local at = 4 + times + over
local function nextArg()
  at = at + 1
  return ARGV[at]
end

local function readItem()
  local item = { tag = nextArg(), part = nextArg() }
  if item.part ~= '' then
    item.mode, item.score, item.prefix, item.member = nextArg(), nextArg(), nextArg(), nextArg()
    item.ttl, item.redelivered = tonumber(nextArg()), nextArg() == '1'
  end
  item.closes = nextArg()
  item.failed = nextArg()
  if item.failed ~= '' then
    item.at, item.about, item.kept, item.keptFor = nextArg(), nextArg(), tonumber(nextArg()), tonumber(nextArg())
    item.maxBytes = tonumber(nextArg())
  end
  item.sends, item.results = {}, {}
  for i = 1, tonumber(nextArg()) do item.sends[i] = { list = nextArg(), text = nextArg() } end
  for i = 1, tonumber(nextArg()) do item.results[i] = { key = nextArg(), text = nextArg(), ttl = nextArg() } end
  return item
end

local function isSuccess(text)
  local ok, meta = pcall(cjson.decode, text)
  return ok and type(meta) == 'table' and meta.status == 'SUCCESS'
end

local function keep(item, raw)
  if item.maxBytes > 0 and #raw > item.maxBytes then raw = '' end
  keepFailed(KEYS[6], KEYS[7], item.failed, item.at, item.about .. '\n' .. raw, item.kept, item.keptFor)
end

local function finish(item)
  local raw = item.failed ~= '' and unwrap(redis.call('HGET', unacked, item.tag))
  redis.call('HDEL', unacked, item.tag)
  redis.call('ZREM', index, item.tag)
  -- Somebody else may have closed the chord, and sent its body: a part that ran twice.
  if item.closes == '' or closeChord(item.closes) then
    for _, send in ipairs(item.sends) do redis.call('LPUSH', send.list, send.text) end
  end
  for _, result in ipairs(item.results) do
    local old = redis.call('GET', result.key)
    if not (old and isSuccess(old)) then
      if result.ttl == '0' then redis.call('SET', result.key, result.text) else redis.call('SET', result.key, result.text, 'EX', result.ttl) end
      redis.call('PUBLISH', result.key, result.text)
    end
  end
  if raw then keep(item, raw) end
end

local items, tags = {}, {}
while at < #ARGV do
  items[#items + 1] = readItem()
  tags[#tags + 1] = items[#items].tag
end
local ours = whichAreOurs(leasesOf(owner, { unpack(ARGV, 5, 4 + times) }), tags)
-- As in settle.lua: a full server lets us free memory first.
redis.call('HDEL', own, '', unpack(ARGV, 5 + times, 4 + times + over))

local replies = {}
for i, item in ipairs(items) do
  local members
  if ours[i] and item.part ~= '' then
    members = addPart(item.part, item.mode, item.score, item.prefix, item.member, item.ttl, item.redelivered)
  end
  if ours[i] and members == nil then finish(item) end
  replies[i] = ours[i] and (members or 'settled') or 'fenced'
end
redis.call('SET', ledger, number, 'EX', 3600)
return replies
