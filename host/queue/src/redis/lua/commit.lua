-- ARGV: run, worker, seq, the cases sorted and one behind the other: lane, j, outcome (1 passed, 2 failed, 3 error,
-- 4 skipped), cost, below zero if it is not known.
local meta, no = enter('sealed', 'lanes', 'limit', 'spent', 'reserved', 'charged', 'losers', 'max_losers')
if no then return no end
local id, seq, packed = ARGV[2], num(ARGV[3]), ARGV[4]

-- One group per lane: its cases, its counters and the names of these.
local groups = {}
for at = 1, #packed, 15 do
  local lane, j, outcome, cost = struct.unpack('>I2I4Bd', packed, at)
  local group = groups[#groups]
  if not group or group.lane ~= lane then
    if lane >= num(meta[4]) then return {'LANE', lane, num(meta[4])} end
    local got = redis.call('HMGET', prefix .. 'lane:' .. lane, 'length', 'reserve', 'spent', 'unpriced', 'passed',
      'failed', 'error', 'skipped')
    group = {lane = lane, length = num(got[1]), reserve = num(got[2]), spent = num(got[3]), unpriced = num(got[4]),
      counts = {num(got[5]), num(got[6]), num(got[7]), num(got[8])}, js = {}, outcomes = {}, costs = {},
      get = {}}
    groups[#groups + 1] = group
  end
  if j >= group.length then return {'CASE', lane, j, group.length} end
  local get, next = group.get, #group.js + 1
  group.js[next], group.outcomes[next], group.costs[next] = j, outcome, cost
  get[3 * next - 2], get[3 * next - 1], get[3 * next] = 'GET', 'u1', j
end
local entry = worker(id)
if not entry then return {'WORKER'} end
if meta[3] then return {'SEALED'} end
if entry.last >= seq then
  return {'COMMITTED', redis.call('HGET', prefix .. 'losers', id .. ':' .. ARGV[3]) or ''}
end
if entry.last < seq - 1 then return {'BEHIND', entry.last} end

local losers = {}
for _, group in ipairs(groups) do
  group.done = redis.call('BITFIELD_RO', prefix .. 'done:' .. group.lane, unpack(group.get))
  for place, done in ipairs(group.done) do
    if done == 1 then losers[#losers + 1] = struct.pack('>I2I4', group.lane, group.js[place]) end
  end
end
local lost, most = num(meta[9]) + #losers, num(meta[10])
if lost > most then return {'LOSERS', most} end

local limit, spent, reserved, charged = meta[5], num(meta[6]), num(meta[7]), num(meta[8])
local charges = prefix .. 'charges'

-- Takes the cases of a group that were not done out of whatever state they are in.
local function settle(group, places)
  local lane, leases = group.lane, prefix .. 'leases:' .. group.lane
  local mine, loose, members = {}, {}, {}
  local found = redis.call('HMGET', leases, unpack(places))
  for at, j in ipairs(places) do
    if found[at] then
      local holder = string.sub(found[at], 1, 32)
      local amount = limit and struct.unpack('>d', found[at], 78) or 0
      reserved = reserved - amount
      if holder == id then
        mine[#mine + 1] = code(lane, j)
      else
        -- The holder may be calling the provider this moment.
        redis.call('SREM', prefix .. 'held:' .. holder, code(lane, j))
        if amount > 0 then
          charged = charged + amount
          redis.call('HSET', charges, holder .. ':' .. code(lane, j), amount)
        end
      end
    else
      loose[#loose + 1], members[#members + 1] = j, struct.pack('>I4', j)
    end
  end
  if #members < #places then redis.call('HDEL', leases, unpack(places)) end
  if #mine > 0 then redis.call('SREM', prefix .. 'held:' .. id, unpack(mine)) end
  if #members > 0 and redis.call('HDEL', prefix .. 'retries:' .. lane, unpack(loose)) > 0 then
    redis.call('ZREM', prefix .. 'due:' .. lane, unpack(members))
  end
end

for _, group in ipairs(groups) do
  local lane = group.lane
  local set, places = {}, {}
  local counts = group.counts
  for place, j in ipairs(group.js) do
    if group.done[place] == 0 then
      local next, outcome = #places + 1, group.outcomes[place]
      set[4 * next - 3], set[4 * next - 2], set[4 * next - 1], set[4 * next] = 'SET', 'u1', j, 1
      places[next] = j
      counts[outcome] = counts[outcome] + 1
    end
  end
  if #places > 0 then
    redis.call('BITFIELD', prefix .. 'done:' .. lane, unpack(set))
    settle(group, places)
  end
  for place, cost in ipairs(group.costs) do
    if charged > 0 then
      local field = id .. ':' .. code(lane, group.js[place])
      charged = charged - num(redis.call('HGET', charges, field))
      redis.call('HDEL', charges, field)
    end
    if cost < 0 then group.unpriced = group.unpriced + 1 else group.spent = add(group.spent, cost) end
    if limit then spent = add(spent, cost < 0 and group.reserve or cost) end
  end
  redis.call('HSET', prefix .. 'lane:' .. lane, 'spent', group.spent, 'unpriced', group.unpriced, 'passed', counts[1],
    'failed', counts[2], 'error', counts[3], 'skipped', counts[4])
end
if limit then redis.call('HSET', KEYS[1], 'spent', spent, 'reserved', reserved, 'charged', charged) end
if #losers > 0 then
  redis.call('HSET', KEYS[1], 'losers', lost)
  redis.call('HSET', prefix .. 'losers', id .. ':' .. ARGV[3], table.concat(losers))
end
entry.last = seq
keep_worker(id, entry)
return {'COMMITTED', table.concat(losers)}
