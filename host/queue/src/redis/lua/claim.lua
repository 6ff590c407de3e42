-- ARGV: run, worker, lane, k, k tokens of 32 characters one behind the other.
local meta, no = enter('sealed', 'lanes', 'closed', 'limit', 'spent', 'reserved', 'charged', 'rebuilt')
if no then return no end
local id, lane, k, tokens = ARGV[2], num(ARGV[3]), num(ARGV[4]), ARGV[5]
if lane >= num(meta[4]) then return {'LANE', lane, num(meta[4])} end
local entry = worker(id)
if not entry then return {'WORKER'} end
if meta[3] then return {'SEALED'} end
if entry.gone == 1 then return {'GONE'} end
if silent(meta[10], id) then return {'REBUILD'} end
local time = now()
if num(meta[5]) > time then return {'NOTHING', num(meta[5]) - time} end

local leases, retries = prefix .. 'leases:' .. lane, prefix .. 'retries:' .. lane
local due, done = prefix .. 'due:' .. lane, prefix .. 'done:' .. lane
local got = redis.call('HMGET', prefix .. 'lane:' .. lane, 'length', 'in_flight', 'backlog', 'reserve', 'cursor',
  'ahead', 'stopped')
local length, reserve, cursor, ahead = num(got[1]), num(got[4]), num(got[5]), num(got[6])
local backlog = redis.call('ZCARD', due)
local room = got[7] and 0 or math.min(k, num(got[2]) - redis.call('HLEN', leases))
local limit, reserved = meta[6] and num(meta[6]), num(meta[8])
local taken, full = num(meta[7]) + reserved + num(meta[9]), false

local given, writes, held = {}, {}, {}
local function take(j, history)
  local amount = history[4] > 0 and 0 or reserve
  if limit and amount > 0 and taken + amount > limit then
    full = true
    return false
  end
  reserved, taken = reserved + amount, taken + amount
  local token = string.sub(tokens, 32 * #given + 1, 32 * #given + 32)
  local next = #given + 1
  given[next] = struct.pack('>I4I4B', j, 1 + history[1] + history[2] + history[3], history[4])
  writes[2 * next - 1], writes[2 * next] = j, pack_lease(id, token, history, amount)
  held[next] = code(lane, j)
  return true
end

local members, places = {}, {}
if room > 0 and backlog > 0 then
  local first = redis.call('ZRANGEBYSCORE', due, '-inf', time, 'LIMIT', 0, room)
  for _, member in ipairs(first) do
    local j = struct.unpack('>I4', member)
    if not take(j, unpack_history(redis.call('HGET', retries, j))) then break end
    members[#members + 1], places[#places + 1] = member, j
  end
end

-- The first case from `at` on that is neither done nor, among those re-asserted ahead of the cursor, leased or
-- waiting. Looks at 32 bits at a time; bits beyond the string are zero.
local base, bits = -32, 0
local function fresh(at)
  while at < length do
    if at >= base + 32 then
      base, bits = at, redis.call('BITFIELD_RO', done, 'GET', 'u32', at)[1]
      if bits == 4294967295 then
        local zero = redis.call('BITPOS', done, 0, at, -1, 'BIT')
        if zero < 0 then zero = 8 * redis.call('STRLEN', done) end
        at, base = zero, -32
      end
    elseif bit.band(bits, bit.lshift(1, 31 - at + base)) == 0 and (at >= ahead
        or redis.call('HEXISTS', leases, at) + redis.call('HEXISTS', retries, at) == 0) then
      return at
    else
      at = at + 1
    end
  end
  return length
end

local start, new = cursor, {0, 0, 0, 0}
if not full and backlog - #given < num(got[3]) then
  while #given < room do
    cursor = fresh(cursor)
    if cursor >= length or not take(cursor, new) then break end
    cursor = cursor + 1
  end
end

if #given > 0 then
  redis.call('HSET', leases, unpack(writes))
  redis.call('SADD', prefix .. 'held:' .. id, unpack(held))
  if #members > 0 then
    redis.call('ZREM', due, unpack(members))
    redis.call('HDEL', retries, unpack(places))
  end
  if cursor > start then redis.call('HSET', prefix .. 'lane:' .. lane, 'cursor', cursor) end
  if limit then redis.call('HSET', KEYS[1], 'reserved', reserved) end
  return {'CASES', table.concat(given)}
end
if full and totals(num(meta[4])) == 0 then
  stop(lane)
  return {'CLOSED'}
end
local _, finished, _, stopped = count(lane)
if stopped or finished == length then return {'CLOSED'} end
local first = redis.call('ZRANGE', due, 0, 0, 'WITHSCORES')
return {'NOTHING', first[2] and math.max(0, first[2] - time) or 0}
