-- ARGV: run.
local meta, no = enter('lanes')
if no then return no end
local lanes = num(meta[3])
local in_flight, waiting = totals(lanes)
if in_flight + waiting > 0 then return {'REFUSED', in_flight, waiting} end
redis.call('HSET', KEYS[1], 'sealed', 1)
local answer = {'SEALED', redis.call('HLEN', prefix .. 'workers')}
for lane = 0, lanes - 1 do
  local length, done = count(lane)
  answer[#answer + 1] = length - done
end
return answer
