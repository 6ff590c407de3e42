-- ARGV: run, worker, lost leases that end the job.
local meta, no = enter('lanes', 'finished', 'finalizer', 'finalize_lost')
if no then return no end
if meta[4] then return {'FINISHED'} end
local id = ARGV[2]
local entry = worker(id)
if not entry then return {'WORKER'} end
if entry.gone == 1 then return {'GONE'} end
if num(meta[6]) >= num(ARGV[3]) then return {'FAILED'} end
local in_flight, waiting = totals(num(meta[3]))
if in_flight + waiting > 0 then return {'NOT_YET', in_flight + waiting} end
if meta[5] and meta[5] ~= id then return {'HELD', meta[5]} end
redis.call('HSET', KEYS[1], 'finalizer', id)
return {'LEASED'}
