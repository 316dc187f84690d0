--[[
  Everything that is stored, of one moment.

  KEYS  1 definitions  2 states  3 paused  4 timezone  5 revision
  Gives { entry, definition …}, { entry, state …}, { paused entry …}, timezone or '', revision.
]]
return {
  redis.call('HGETALL', KEYS[1]),
  redis.call('HGETALL', KEYS[2]),
  redis.call('SMEMBERS', KEYS[3]),
  redis.call('GET', KEYS[4]) or '',
  redis.call('GET', KEYS[5]) or '0',
}
