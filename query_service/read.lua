-- Answers all questions of one tick about one projection, as of one moment.
-- KEYS: the pointer to the live generation, the log's head, the projection's state.
-- ARGV: the projection; how many views are asked for; their keys; then for each page: index, before (empty: from the
-- top), skip, size.
-- The keys of views depend on the pointer, so they cannot be declared: not for a cluster, where one projection would
-- have to live in one slot.
local projection = ARGV[1]
local generation = redis.call('GET', KEYS[1]) or '1'
local scope = projection .. ':' .. generation

local function read(keys)
  if #keys == 0 then return {} end
  return redis.call('MGET', unpack(keys))
end

local function page(index, before, skip, size)
  local first = tonumber(skip)
  -- What lies at or above `before` was shown already: counting it costs O(log n), passing over it would cost O(n).
  if before ~= '' then first = first + redis.call('ZCOUNT', index, before, '+inf') end
  -- One more than asked for tells whether the list goes on.
  local entries = redis.call('ZREVRANGE', index, first, first + tonumber(size), 'WITHSCORES')
  local keys, scores = {}, {}
  for at = 1, #entries, 2 do
    keys[#keys + 1] = 'v:' .. scope .. ':' .. entries[at]
    scores[#scores + 1] = entries[at + 1]
  end
  return {redis.call('ZCARD', index), scores, read(keys)}
end

local count, keys, pages = tonumber(ARGV[2]), {}, {}
for at = 1, count do keys[at] = 'v:' .. scope .. ':' .. ARGV[2 + at] end
for at = 3 + count, #ARGV, 4 do
  pages[#pages + 1] = page('i:' .. scope .. ':' .. ARGV[at], ARGV[at + 1], ARGV[at + 2], ARGV[at + 3])
end
return {
  redis.call('HMGET', 'cp:' .. scope, 'epoch', 'position'),
  redis.call('HMGET', KEYS[2], 'epoch', 'position', 'beat'),
  redis.call('HMGET', KEYS[3], 'state', 'error', 'oldest_time'),
  read(keys),
  pages,
}
