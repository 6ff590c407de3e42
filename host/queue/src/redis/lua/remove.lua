-- Works whatever the run id and the schema are. The keys of lanes and workers are found through meta and `workers`.
forget(num(redis.call('HGET', KEYS[1], 'lanes')), redis.call('HKEYS', prefix .. 'workers'))
return {'REMOVED'}
