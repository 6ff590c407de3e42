-- ARGV: run.
local meta, no = enter('sealed', 'lanes')
if no then return no end
local lanes = num(meta[4])
if not meta[3] then
  redis.call('HSET', KEYS[1], 'cancelled', 1)
  for lane = 0, lanes - 1 do stop(lane) end
end
local _, _, not_run = totals(lanes)
return {'CANCELLED', not_run}
