-- A request is over. KEYS: the times, the holders. ARGV: the holder's name, microseconds that its tokens take up more
-- than thought, or fewer if negative.
redis.call('ZREM', KEYS[2], ARGV[1])
local more, tokens = tonumber(ARGV[2]), tonumber(redis.call('HGET', KEYS[1], 'tokens') or 0)
if more ~= 0 and tokens > 0 then
  redis.call('HSET', KEYS[1], 'tokens', string.format('%.0f', tokens + more))
end
return {0, now()}
