-- ARGV: run, worker.
local _, no = enter()
if no then return no end
local entry = worker(ARGV[2])
if not entry then return {'WORKER'} end
return {'LAST', entry.last}
