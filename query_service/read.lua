-- Answers all questions of one tick about one projection, as of one moment.
-- KEYS: the pointer to the live generation, the log's head, the projection's state.
-- ARGV: the projection; how many views are asked for; their keys; then for each page: index, low and high (scores;
-- empty: no bound), before (a score; empty: from the top), skip, size.
-- The keys of views depend on the pointer, so they cannot be declared: not for a cluster, where one projection would
-- have to live in one slot.
local projection = ARGV[1]
local generation = redis.call('GET', KEYS[1]) or '1'
local scope = projection .. ':' .. generation

local function read(keys)
  if #keys == 0 then return {} end
  return redis.call('MGET', unpack(keys))
end

-- How many entries have a score of at least this: counting costs O(log n), passing over them would cost O(n).
local function from(index, score)
  return redis.call('ZCOUNT', index, score, '+inf')
end

local function page(index, low, high, before, skip, size)
  local above, last = 0, redis.call('ZCARD', index)
  if high ~= '' then above = from(index, high) end
  if low ~= '' then last = math.max(above, from(index, low)) end
  local first = above
  -- What lies at or above `before` was shown already.
  if before ~= '' then first = math.max(above, from(index, before)) end
  first = first + tonumber(skip)
  -- One more than asked for tells whether the list goes on.
  local entries = {}
  if first < last then
    entries = redis.call('ZREVRANGE', index, first, math.min(first + tonumber(size), last - 1), 'WITHSCORES')
  end
  local keys, scores = {}, {}
  for at = 1, #entries, 2 do
    keys[#keys + 1] = 'v:' .. scope .. ':' .. entries[at]
    scores[#scores + 1] = entries[at + 1]
  end
  return {last - above, scores, read(keys)}
end

local count, keys, pages = tonumber(ARGV[2]), {}, {}
for at = 1, count do keys[at] = 'v:' .. scope .. ':' .. ARGV[2 + at] end
for at = 3 + count, #ARGV, 6 do
  pages[#pages + 1] = page('i:' .. scope .. ':' .. ARGV[at], unpack(ARGV, at + 1, at + 5))
end
return {
  redis.call('HMGET', 'cp:' .. scope, 'epoch', 'position'),
  redis.call('HMGET', KEYS[2], 'epoch', 'position', 'beat'),
  redis.call('HMGET', KEYS[3], 'state', 'error', 'oldest_time'),
  read(keys),
  pages,
}
