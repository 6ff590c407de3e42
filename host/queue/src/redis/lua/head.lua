-- Every script starts with this. KEYS[1] is the job's `meta`, ARGV[1] the run id of the server the caller reached.
-- Amounts and times are whole numbers up to 2^53 - 1, which a Lua number holds exactly. A script checks everything
-- before it writes anything, for Redis takes nothing back.
local SCHEMA = '1'
local MOST = 9007199254740991
local PLACES = 1073741824
local prefix = string.sub(KEYS[1], 1, -5)

local function num(field)
  return tonumber(field or 0)
end

-- Fields of meta, from the third place on; or nothing and why not.
local function enter(...)
  local meta = redis.call('HMGET', KEYS[1], 'schema', 'run', ...)
  if not meta[1] then return nil, {'REBUILD'} end
  if meta[1] ~= SCHEMA then return nil, {'SCHEMA', meta[1]} end
  if meta[2] ~= ARGV[1] then return nil, {'REBUILD'} end
  return meta
end

local function add(sum, amount)
  return math.min(sum + amount, MOST)
end

-- Worker entry: newest batch, time of the last heartbeat, 1 once it is gone.
local function worker(id)
  local entry = redis.call('HGET', prefix .. 'workers', id)
  if not entry then return nil end
  local last, beat, gone = struct.unpack('>ddB', entry)
  return {last = last, beat = beat, gone = gone}
end

local function keep_worker(id, entry)
  redis.call('HSET', prefix .. 'workers', id, struct.pack('>ddB', entry.last, entry.beat, entry.gone))
end

-- Whether a worker has yet to say what it holds: what it claimed before a rebuild is not known, and what others stored
-- before may not be known to it.
local function silent(rebuilt, id)
  return rebuilt and redis.call('SISMEMBER', prefix .. 'told', id) == 0
end

-- Removes whatever there is of a job of so many lanes and of these workers.
local function forget(lanes, workers)
  local gone = {KEYS[1], prefix .. 'workers', prefix .. 'losers', prefix .. 'charges', prefix .. 'told'}
  local function flush()
    if #gone > 0 then redis.call('UNLINK', unpack(gone)) end
    gone = {}
  end
  for lane = 0, lanes - 1 do
    for _, name in ipairs({'lane:', 'done:', 'leases:', 'due:', 'retries:'}) do
      gone[#gone + 1] = prefix .. name .. lane
    end
    if #gone > 1000 then flush() end
  end
  for _, id in ipairs(workers) do
    gone[#gone + 1] = prefix .. 'held:' .. id
    if #gone > 1000 then flush() end
  end
  flush()
end

-- Lease: worker, token, attempts, stalls, poison, exhausted, reserved. Over 64 bytes, so that Redis keeps the leases
-- in a table and not in a list it has to search.
local function pack_lease(id, token, history, reserved)
  return id .. token .. struct.pack('>I4I4I4Bd', history[1], history[2], history[3], history[4], reserved)
end

local function unpack_lease(lease)
  local attempts, stalls, poison, exhausted, reserved = struct.unpack('>I4I4I4Bd', lease, 65)
  return string.sub(lease, 1, 32), string.sub(lease, 33, 64), {attempts, stalls, poison, exhausted}, reserved
end

-- What happened to a case: attempts, stalls, poison, and 1, 2 or 3 for the first of these limits it ran into.
local function unpack_history(packed)
  local attempts, stalls, poison, exhausted = struct.unpack('>I4I4I4B', packed)
  return {attempts, stalls, poison, exhausted}
end

-- Number of a case over all lanes, for the set of a worker's leases.
local function code(lane, j)
  return lane * PLACES + j
end

-- Makes a case wait, first of all if it is exhausted; false if its lane is stopped and it is therefore not run.
local function wait(lane, stopped, j, at, history)
  if stopped then return false end
  if history[4] > 0 then at = 0 end
  redis.call('ZADD', prefix .. 'due:' .. lane, at, struct.pack('>I4', j))
  redis.call('HSET', prefix .. 'retries:' .. lane, j, struct.pack('>I4I4I4B', unpack(history)))
  return true
end

local function stop(lane)
  redis.call('HSET', prefix .. 'lane:' .. lane, 'stopped', 1)
  redis.call('UNLINK', prefix .. 'due:' .. lane, prefix .. 'retries:' .. lane)
end

-- Length, cases done, leases, and whether it is stopped.
local function count(lane)
  local got = redis.call('HMGET', prefix .. 'lane:' .. lane, 'length', 'stopped', 'passed', 'failed', 'error', 'skipped')
  local done = num(got[3]) + num(got[4]) + num(got[5]) + num(got[6])
  return num(got[1]), done, redis.call('HLEN', prefix .. 'leases:' .. lane), got[2] and true
end

-- In flight, waiting and not run over all lanes.
local function totals(lanes)
  local in_flight, waiting, not_run = 0, 0, 0
  for lane = 0, lanes - 1 do
    local length, done, leased, stopped = count(lane)
    in_flight = in_flight + leased
    if stopped then not_run = not_run + length - done - leased else waiting = waiting + length - done - leased end
  end
  return in_flight, waiting, not_run
end

-- Nothing if the case exists, else why not.
local function unknown_case(lanes, lane, j)
  if lane >= num(lanes) then return {'LANE', lane, num(lanes)} end
  local length = num(redis.call('HGET', prefix .. 'lane:' .. lane, 'length'))
  if j >= length then return {'CASE', lane, j, length} end
end
