-- ARGV: run, 'workers' or 'losers', where to go on, how many or so. Entries may come twice but none is left out that
-- is there all the time.
local meta, no = enter('sealed', 'lease', 'rebuilt')
if no then return no end
local page = redis.call('HSCAN', prefix .. ARGV[2], ARGV[3], 'COUNT', ARGV[4])
return {'PAGE', num(meta[3]), now(), num(meta[4]), num(meta[5]), page[1], page[2]}
