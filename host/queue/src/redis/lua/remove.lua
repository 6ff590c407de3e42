-- Works whatever the run id and the schema are. The keys of lanes and workers are found through meta and `workers`.
local gone = {KEYS[1], prefix .. 'workers', prefix .. 'losers', prefix .. 'charges', prefix .. 'told'}
local function flush()
  if #gone > 0 then redis.call('UNLINK', unpack(gone)) end
  gone = {}
end
local lanes = num(redis.call('HGET', KEYS[1], 'lanes'))
local workers = redis.call('HKEYS', prefix .. 'workers')
for lane = 0, lanes - 1 do
  for _, name in ipairs({'lane:', 'done:', 'leases:', 'due:', 'retries:'}) do gone[#gone + 1] = prefix .. name .. lane end
  if #gone > 1000 then flush() end
end
for _, id in ipairs(workers) do
  gone[#gone + 1] = prefix .. 'held:' .. id
  if #gone > 1000 then flush() end
end
flush()
return {'REMOVED'}
