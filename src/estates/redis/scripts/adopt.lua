--[[
  Gives deliveries that no index knows a place there, as old as can be: whoever gives back what is out for too long,
  a Python worker or ours, then finds them. What has got an owner since is left alone.

  KEYS  1 unacked  2 unacked_index
  ARGV  tags
  Gives how many.
]]
local adopted = 0
for i = 1, #ARGV do
  if redis.call('HEXISTS', KEYS[1], ARGV[i]) == 1 then adopted = adopted + redis.call('ZADD', KEYS[2], 'NX', '1', ARGV[i]) end
end
return adopted
