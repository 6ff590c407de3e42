-- ARGV: run, lane, j, token, class ('retryable', 'fatal', 'poison'), cost, below zero if it is not known.
local meta, no = enter('sealed', 'lanes', 'reserved', 'limit', 'spent', 'attempts', 'poison', 'backoff', 'backoff_max')
if no then return no end
local lane, j, class, cost = num(ARGV[2]), num(ARGV[3]), ARGV[5], num(ARGV[6])
no = unknown_case(meta[4], lane, j)
if no then return no end
if meta[3] then return {'SEALED'} end
local lease = redis.call('HGET', prefix .. 'leases:' .. lane, j)
if not lease then return {'STALE'} end
local id, token, history, reserved = unpack_lease(lease)
if token ~= ARGV[4] then return {'STALE'} end
if history[4] > 0 or class == 'fatal' then return {'FINAL'} end

local key = prefix .. 'lane:' .. lane
local got = redis.call('HMGET', key, 'attempts', 'poison', 'spent', 'unpriced', 'stopped')
local after = 0
if class == 'poison' then
  history[3] = history[3] + 1
  if history[3] > num(meta[9]) then history[4] = 3 end
  redis.call('HSET', key, 'poison', num(got[2]) + 1)
else
  history[1] = history[1] + 1
  if history[1] > num(meta[8]) then history[4] = 1 end
  after = math.min(num(meta[10]) * math.min(2 ^ (history[1] - 1), 4294967295), num(meta[11]))
  redis.call('HSET', key, 'attempts', num(got[1]) + 1)
end
if history[4] > 0 then
  redis.call('HSET', prefix .. 'leases:' .. lane, j, pack_lease(id, token, history, reserved))
  return {'FINAL'}
end
if cost < 0 then
  redis.call('HSET', key, 'unpriced', num(got[4]) + 1)
else
  redis.call('HSET', key, 'spent', add(num(got[3]), cost))
end
if meta[6] then
  local spent = add(num(meta[7]), cost < 0 and reserved or cost)
  redis.call('HSET', KEYS[1], 'reserved', num(meta[5]) - reserved, 'spent', spent)
end
redis.call('HDEL', prefix .. 'leases:' .. lane, j)
redis.call('SREM', prefix .. 'held:' .. id, code(lane, j))
if wait(lane, got[5], j, now() + after, history) then return {'RETRY', after} end
return {'NOT_RUN'}
