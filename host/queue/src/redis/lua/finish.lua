-- ARGV: run, digest, lost finalize leases that end the job.
local meta, no = enter('sealed', 'finished', 'finalize_lost')
if no then return no end
if meta[4] == ARGV[2] then return {'FINISHED'} end
if meta[4] then return {'OTHER', meta[4]} end
if num(meta[5]) >= num(ARGV[3]) then return {'FAILED'} end
if not meta[3] then return {'NOT_SEALED'} end
redis.call('HSET', KEYS[1], 'finished', ARGV[2])
return {'FINISHED'}
