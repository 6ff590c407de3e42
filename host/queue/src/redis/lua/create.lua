-- ARGV: run, 'create' or 'rebuild', digest of the spec, fields of meta in pairs ('lanes' is one), then '', the lanes
-- and per lane with restored cases its number and its done bits.
local found = redis.call('HMGET', KEYS[1], 'schema', 'run', 'spec')
local rebuild = ARGV[2] == 'rebuild'
if found[1] then
  if found[1] ~= SCHEMA then return {'SCHEMA', found[1]} end
  if found[3] ~= ARGV[3] then return {'DIFFERS'} end
  if found[2] == ARGV[1] then return {'EXISTS'} end
  if not rebuild then return {'REBUILD'} end
  local time = now()
  local lease = num(redis.call('HGET', KEYS[1], 'lease'))
  redis.call('HSET', KEYS[1], 'run', ARGV[1], 'closed', time + lease, 'rebuilt', time)
  redis.call('UNLINK', prefix .. 'told')
  return {'KEPT'}
end
local fields = {'schema', SCHEMA, 'run', ARGV[1], 'spec', ARGV[3]}
local at, lease = 4, 0
while ARGV[at] ~= '' do
  fields[#fields + 1], fields[#fields + 2] = ARGV[at], ARGV[at + 1]
  if ARGV[at] == 'lease' then lease = num(ARGV[at + 1]) end
  at = at + 2
end
if rebuild then
  local time = now()
  for _, field in ipairs({'closed', time + lease, 'rebuilt', time}) do fields[#fields + 1] = field end
end
local lanes, size = ARGV[at + 1], 68
-- A part of a state is none: what a worker is said to have committed counts only with its done bits.
local workers, cursor = {}, '0'
repeat
  local page = redis.call('HSCAN', prefix .. 'workers', cursor, 'COUNT', 1000)
  cursor = page[1]
  for entry = 1, #page[2], 2 do workers[#workers + 1] = page[2][entry] end
until cursor == '0'
forget(#lanes / size, workers)
redis.call('HSET', KEYS[1], unpack(fields))
for lane = 0, #lanes / size - 1 do
  local length, in_flight, backlog, reserve, passed, failed, errors, skipped, spent, unpriced =
    struct.unpack('>I4I4I4ddddddd', lanes, lane * size + 1)
  redis.call('HSET', prefix .. 'lane:' .. lane, 'length', length, 'in_flight', in_flight, 'backlog', backlog,
    'reserve', reserve, 'passed', passed, 'failed', failed, 'error', errors, 'skipped', skipped, 'spent', spent,
    'unpriced', unpriced)
end
for bits = at + 2, #ARGV - 1, 2 do
  redis.call('SET', prefix .. 'done:' .. ARGV[bits], ARGV[bits + 1])
end
return {'NEW'}
