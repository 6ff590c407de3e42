-- A place for one request. KEYS: the times, the holders. ARGV: microseconds between requests, how far ahead of that they
-- may come, microseconds that its tokens take up, most holders, longest wait, longest hold, the holder's name.
-- Answers {0, wait}, {1, when to ask again} or {2, 0} if its turn comes too late.
local gap, ahead, span, most = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local within, hold, t = tonumber(ARGV[5]), tonumber(ARGV[6]), now()
if most > 0 then
  redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', t)
  if redis.call('ZCARD', KEYS[2]) >= most then
    return {1, 5000}
  end
end
local times = redis.call('HMGET', KEYS[1], 'requests', 'tokens')
local requests, tokens, at = tonumber(times[1] or 0), tonumber(times[2] or 0), t
if gap > 0 then
  at = math.max(at, requests - ahead)
end
if span >= 0 then
  at = math.max(at, tokens)
end
if at - t >= within then
  return {2, 0}
end
if gap > 0 then
  redis.call('HSET', KEYS[1], 'requests', string.format('%.0f', math.max(at, requests) + gap))
end
if span >= 0 then
  redis.call('HSET', KEYS[1], 'tokens', string.format('%.0f', at + span))
end
if most > 0 then
  redis.call('ZADD', KEYS[2], string.format('%.0f', at + hold), ARGV[7])
  redis.call('PEXPIRE', KEYS[2], math.ceil((at - t + hold) / 1000) + 1000)
end
redis.call('PEXPIRE', KEYS[1], math.ceil((at - t + math.max(gap, span, 0) + ahead) / 1000) + 120000)
return {0, at - t}
