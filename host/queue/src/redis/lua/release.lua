-- ARGV: run, lane, j, token.
local meta, no = enter('sealed', 'lanes', 'reserved')
if no then return no end
local lane, j = num(ARGV[2]), num(ARGV[3])
no = unknown_case(meta[4], lane, j)
if no then return no end
if meta[3] then return {'SEALED'} end
local lease = redis.call('HGET', prefix .. 'leases:' .. lane, j)
if not lease then return {'STALE'} end
local id, token, history, reserved = unpack_lease(lease)
if token ~= ARGV[4] then return {'STALE'} end
local stopped = redis.call('HGET', prefix .. 'lane:' .. lane, 'stopped')
redis.call('HDEL', prefix .. 'leases:' .. lane, j)
redis.call('SREM', prefix .. 'held:' .. id, code(lane, j))
if reserved > 0 then redis.call('HSET', KEYS[1], 'reserved', num(meta[5]) - reserved) end
return {wait(lane, stopped, j, now(), history) and 'WAITING' or 'NOT_RUN'}
