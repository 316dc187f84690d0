--[[
  Removes keys that are still what they were when somebody decided that nobody wants them.

  KEYS  the keys
  ARGV  1 'no expiry': those without one; 'idle': those nobody has used for so long  2 seconds, for 'idle'
  Gives how many went.
]]
local gone = 0
for i = 1, #KEYS do
  local still
  if ARGV[1] == 'idle' then
    local idle = redis.pcall('OBJECT', 'IDLETIME', KEYS[i])
    still = type(idle) == 'number' and idle >= tonumber(ARGV[2])
  else
    still = redis.call('PTTL', KEYS[i]) == -1
  end
  if still then gone = gone + redis.call('UNLINK', KEYS[i]) end
end
return gone
