-- ARGV: run, worker. Who comes to a sealed job may end it, should whoever was about to be lost.
local meta, no = enter('sealed', 'max_workers', 'finished')
if no then return no end
local known = worker(ARGV[2])
if meta[5] or (meta[3] and known) then return {'SEALED'} end
if known then return {'KNOWN'} end
if redis.call('HLEN', prefix .. 'workers') >= num(meta[4]) then return {'WORKERS', num(meta[4])} end
keep_worker(ARGV[2], {last = 0, beat = now(), gone = 0})
return {meta[3] and 'SEALED' or 'REGISTERED'}
