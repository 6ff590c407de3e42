-- ARGV: run.
local meta, no = enter('sealed', 'finished', 'finalize_lost', 'cancelled', 'spent', 'reserved', 'charged', 'losers',
  'lanes')
if no then return no end
local answer = {'SNAPSHOT', num(meta[3]), meta[4] or '', num(meta[5]), num(meta[6]), num(meta[7]), num(meta[8]),
  num(meta[9]), num(meta[10]), redis.call('HLEN', prefix .. 'workers')}
for lane = 0, num(meta[11]) - 1 do
  local got = redis.call('HMGET', prefix .. 'lane:' .. lane, 'length', 'stopped', 'passed', 'failed', 'error',
    'skipped', 'spent', 'unpriced', 'attempts', 'stalls', 'poison')
  local counts = {redis.call('HLEN', prefix .. 'leases:' .. lane), redis.call('ZCARD', prefix .. 'due:' .. lane)}
  for _, field in ipairs(got) do counts[#counts + 1] = num(field) end
  answer[#answer + 1] = counts
end
return answer
