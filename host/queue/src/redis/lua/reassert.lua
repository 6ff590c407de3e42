-- ARGV: run, worker, its claims one behind the other: lane, j, attempt, exhausted, token.
local meta, no = enter('sealed', 'lanes', 'limit', 'reserved', 'max_workers', 'attempts', 'rebuilt', 'finished')
if no then return no end
local id, packed = ARGV[2], ARGV[3]
local claims = {}
for at = 1, #packed, 43 do
  local lane, j, attempt, exhausted, token = struct.unpack('>I2I4I4Bc32', packed, at)
  no = unknown_case(meta[4], lane, j)
  if no then return no end
  claims[#claims + 1] = {lane = lane, j = j, attempt = attempt, exhausted = exhausted, token = token}
end
if meta[10] then return {'SEALED'} end
local entry = worker(id)
if meta[3] and entry then return {'SEALED'} end
if not entry then
  if redis.call('HLEN', prefix .. 'workers') >= num(meta[7]) then return {'WORKERS', num(meta[7])} end
  entry = {last = 0, gone = 0}
end
if meta[3] then
  entry.beat = now()
  keep_worker(id, entry)
  return {'SEALED'}
end
if entry.gone == 1 then return {'GONE'} end
local time, reserved, lost, mine = now(), num(meta[6]), {}, {}
entry.beat = time
keep_worker(id, entry)
if meta[9] then redis.call('SADD', prefix .. 'told', id) end

for _, claim in ipairs(claims) do
  local lane, j = claim.lane, claim.j
  local lease = redis.call('HGET', prefix .. 'leases:' .. lane, j)
  local token = lease and select(2, unpack_lease(lease))
  if token == claim.token then
    mine[code(lane, j)] = true
  elseif lease or redis.call('GETBIT', prefix .. 'done:' .. lane, j) == 1 then
    lost[#lost + 1] = struct.pack('>I2I4', lane, j)
  else
    local retry = redis.call('HGET', prefix .. 'retries:' .. lane, j)
    -- Which limits the earlier leases counted against is forgotten with the state: they count as attempts.
    local history = retry and unpack_history(retry) or {math.min(claim.attempt - 1, num(meta[8])), 0, 0, 0}
    history[4] = claim.exhausted
    local got = redis.call('HMGET', prefix .. 'lane:' .. lane, 'reserve', 'cursor', 'ahead')
    local amount = claim.exhausted > 0 and 0 or num(got[1])
    reserved = reserved + amount
    redis.call('HSET', prefix .. 'leases:' .. lane, j, pack_lease(id, claim.token, history, amount))
    redis.call('SADD', prefix .. 'held:' .. id, code(lane, j))
    redis.call('HDEL', prefix .. 'retries:' .. lane, j)
    redis.call('ZREM', prefix .. 'due:' .. lane, struct.pack('>I4', j))
    if j >= num(got[2]) and j >= num(got[3]) then redis.call('HSET', prefix .. 'lane:' .. lane, 'ahead', j + 1) end
    mine[code(lane, j)] = true
  end
end
-- A lease the worker does not know of came from a claim whose answer was lost.
for _, held in ipairs(redis.call('SMEMBERS', prefix .. 'held:' .. id)) do
  if not mine[tonumber(held)] then
    local j = held % PLACES
    local lane = (held - j) / PLACES
    local _, _, history, amount = unpack_lease(redis.call('HGET', prefix .. 'leases:' .. lane, j))
    reserved = reserved - amount
    redis.call('HDEL', prefix .. 'leases:' .. lane, j)
    redis.call('SREM', prefix .. 'held:' .. id, held)
    wait(lane, redis.call('HGET', prefix .. 'lane:' .. lane, 'stopped'), j, time, history)
  end
end
redis.call('HSET', KEYS[1], 'reserved', reserved)
return {'HELD', table.concat(lost)}
