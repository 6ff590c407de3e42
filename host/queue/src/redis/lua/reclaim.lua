-- ARGV: run, worker, last.
local meta, no = enter('lease', 'rebuilt', 'stalls', 'finalizer', 'finished', 'finalize_lost', 'reserved', 'charged')
if no then return no end
local id = ARGV[2]
local entry = worker(id)
if not entry then return {'WORKER'} end
if entry.gone == 1 then return {'RECLAIMED', 0} end
local time = now()
if time - math.max(entry.beat, num(meta[4])) < num(meta[3]) then return {'ALIVE'} end
if entry.last ~= num(ARGV[3]) then return {'MOVED', entry.last} end

entry.gone = 1
keep_worker(id, entry)
if meta[6] == id and not meta[7] then
  redis.call('HDEL', KEYS[1], 'finalizer')
  redis.call('HSET', KEYS[1], 'finalize_lost', num(meta[8]) + 1)
end
local reserved, charged, lanes, handed = num(meta[9]), num(meta[10]), {}, 0
for _, held in ipairs(redis.call('SMEMBERS', prefix .. 'held:' .. id)) do
  local j = held % PLACES
  local lane = (held - j) / PLACES
  local _, _, history, amount = unpack_lease(redis.call('HGET', prefix .. 'leases:' .. lane, j))
  local of_lane = lanes[lane]
  if not of_lane then
    of_lane = {stopped = redis.call('HGET', prefix .. 'lane:' .. lane, 'stopped'), stalls = 0}
    lanes[lane] = of_lane
  end
  of_lane.stalls, handed = of_lane.stalls + 1, handed + 1
  history[2] = history[2] + 1
  if history[2] > num(meta[5]) and history[4] == 0 then history[4] = 2 end
  if amount > 0 then
    reserved, charged = reserved - amount, charged + amount
    redis.call('HSET', prefix .. 'charges', id .. ':' .. held, amount)
  end
  redis.call('HDEL', prefix .. 'leases:' .. lane, j)
  wait(lane, of_lane.stopped, j, time, history)
end
for lane, of_lane in pairs(lanes) do
  redis.call('HINCRBY', prefix .. 'lane:' .. lane, 'stalls', of_lane.stalls)
end
redis.call('UNLINK', prefix .. 'held:' .. id)
redis.call('SREM', prefix .. 'told', id)
redis.call('HSET', KEYS[1], 'reserved', reserved, 'charged', charged)
return {'RECLAIMED', handed}
