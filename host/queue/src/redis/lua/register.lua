-- ARGV: run, worker.
local meta, no = enter('sealed', 'max_workers')
if no then return no end
if meta[3] then return {'SEALED'} end
if worker(ARGV[2]) then return {'KNOWN'} end
if redis.call('HLEN', prefix .. 'workers') >= num(meta[4]) then return {'WORKERS', num(meta[4])} end
keep_worker(ARGV[2], {last = 0, beat = now(), gone = 0})
return {'REGISTERED'}
