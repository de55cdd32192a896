-- Step 8: one projection's step, all of it or nothing, and only from the place that it was computed from.
-- A script is not undone when it fails half-way, so everything that could fail is looked at before the first write.
-- KEYS: checkpoint; views that were absent; views to set; views to remove; indexes.
-- ARGV: how many of each of these four; epoch, position, chain before (position '' for none); epoch, position, chain,
-- time after; channel; the contents of the views to set; for each index: how many to add, how many to take out,
-- score and member of each to add, each member to take out.
-- Answers: {'applied'}, {'moved', epoch, position, chain, time} or {'misshapen', key}.
local absent, set, removed, indexes = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local first_set, first_removed = 2 + absent, 2 + absent + set
local first_index = first_removed + removed
local CHUNK = 2000 -- unpack() puts everything on Lua's stack, which ends at 8,000

local function misshapen(command, from, to)
  for at = from, to do
    local found = redis.pcall(command, KEYS[at])
    if type(found) == 'table' and found.err then return KEYS[at] end
  end
end

local checkpoint = redis.pcall('HMGET', KEYS[1], 'epoch', 'position', 'chain', 'time')
if checkpoint.err then return {'misshapen', KEYS[1]} end
-- SET replaces what is of another type without a word, but what was computed without it would be wrong.
local wrong = misshapen('GET', 2, 1 + absent) or misshapen('ZCARD', first_index, first_index + indexes - 1)
if wrong then return {'misshapen', wrong} end
if (checkpoint[2] or '') ~= ARGV[6] or (ARGV[6] ~= '' and (checkpoint[1] ~= ARGV[5] or checkpoint[3] ~= ARGV[7])) then
  return {'moved', checkpoint[1] or '', checkpoint[2] or '', checkpoint[3] or '', checkpoint[4] or ''}
end

local value = 13
local pairs_to_set = {}
for at = 0, set - 1 do
  pairs_to_set[#pairs_to_set + 1] = KEYS[first_set + at]
  pairs_to_set[#pairs_to_set + 1] = ARGV[value + at]
end
value = value + set
for at = 1, #pairs_to_set, CHUNK do
  redis.call('MSET', unpack(pairs_to_set, at, math.min(at + CHUNK - 1, #pairs_to_set)))
end
for at = first_removed, first_removed + removed - 1 do redis.call('DEL', KEYS[at]) end
for at = first_index, first_index + indexes - 1 do
  local add, remove = 2 * tonumber(ARGV[value]), tonumber(ARGV[value + 1])
  value = value + 2
  for from = value, value + add - 1, CHUNK do
    redis.call('ZADD', KEYS[at], unpack(ARGV, from, math.min(from + CHUNK - 1, value + add - 1)))
  end
  value = value + add
  for from = value, value + remove - 1, CHUNK do
    redis.call('ZREM', KEYS[at], unpack(ARGV, from, math.min(from + CHUNK - 1, value + remove - 1)))
  end
  value = value + remove
end
redis.call('HSET', KEYS[1], 'epoch', ARGV[8], 'position', ARGV[9], 'chain', ARGV[10], 'time', ARGV[11])
redis.call('PUBLISH', ARGV[12], ARGV[8] .. ' ' .. ARGV[9])
return {'applied'}
