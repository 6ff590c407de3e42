-- ARGV: run, worker.
local meta, no = enter('cancelled', 'rebuilt')
if no then return no end
local entry = worker(ARGV[2])
if not entry then return {'WORKER'} end
if entry.gone == 1 then return {'GONE'} end
if silent(meta[4], ARGV[2]) then return {'REBUILD'} end
entry.beat = now()
keep_worker(ARGV[2], entry)
return {'ALIVE', num(meta[3])}
