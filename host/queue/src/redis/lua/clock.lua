-- Microseconds of Redis' own clock; no caller's clock counts.
local function now()
  local time = redis.call('TIME')
  return time[1] * 1000000 + time[2]
end
