/*
 * Each script is one atomic step on keys of one account, which share a hash tag so that a Cluster keeps them together.
 * A key of an unexpected type is damaged and returns -1, except for a lease, which counts as free then.
 */

export const REPLACE = `
local record = redis.pcall('HMGET', KEYS[1], 'revision', 'generation')
if record.err then return -1 end
local revision = tonumber(record[1] or '0')
local generation = tonumber(record[2] or '0')
if not revision or not generation or (record[1] and not record[2]) or (record[2] and not record[1]) then return -1 end
if revision ~= tonumber(ARGV[1]) or generation > tonumber(ARGV[3]) then return 0 end
redis.call('HSET', KEYS[1], 'revision', ARGV[2], 'generation', ARGV[3], 'sealed', ARGV[4])
if generation ~= tonumber(ARGV[3]) then redis.call('PUBLISH', ARGV[5], ARGV[6]) end
return 1`;

export const ACQUIRE = `
local owner = redis.pcall('GET', KEYS[1])
if type(owner) == 'string' and owner ~= ARGV[1] then
  -- An end further away than a lease can have it: Redis's clock was set back since, and the lease binds nobody.
  local left = redis.pcall('PTTL', KEYS[1])
  if type(left) ~= 'number' or left <= 2 * tonumber(ARGV[2]) then return 0 end
end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1`;

export const RELEASE = `
if redis.pcall('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end
return 1`;

/*
 * Counting logins: ARGV is the client's wall clock, the window, the script's own arguments (`after` of them), then the
 * client's own logins. A login is noted by the clock that is ahead, the client's or Redis's own, and counts until both
 * say that the window has passed: a wrong clock makes no room. Where Redis does not tell the time (an ACL without
 * TIME), the client's clock is the only one. A member begins with the time first noted, which identifies the login to
 * its process; its score is the time that counts.
 */
const COUNT = (after: number): string => `
local key, now, window = KEYS[1], tonumber(ARGV[1]), tonumber(ARGV[2])
local time = redis.pcall('TIME')
local own = now
if not time.err then own = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000) end
local early, late = math.min(now, own), math.max(now, own)
local flat = redis.pcall('ZRANGE', key, 0, -1, 'WITHSCORES')
if flat.err then return { -1 } end
local logins, has, added = {}, {}, false
for index = 1, #flat, 2 do
  logins[#logins + 1] = tonumber(flat[index + 1])
  has[string.match(flat[index], '^%d+') or ''] = true
end
local function text(number) return string.format('%.0f', number) end
local function keep(at)
  redis.call('ZADD', key, text(at), text(at) .. '-' .. ARGV[3])
  logins[#logins + 1] = at
  has[text(at)] = true
  added = true
end
for index = ${after + 3}, #ARGV do
  local at = tonumber(ARGV[index])
  if at > early - window and not has[text(at)] then keep(at) end
end
local function counting()
  local count = {}
  for _, at in ipairs(logins) do
    if at > early - window then count[#count + 1] = at end
  end
  table.sort(count)
  return count
end
local function finish(count)
  if added then
    -- Expires by Redis's own clock, but not before both clocks say so; two days at least, as a clock may be set by one.
    local last = late
    for _, at in ipairs(logins) do last = math.max(last, at) end
    redis.call('PEXPIRE', key, text(math.max(2 * window, 172800000) + last - early))
  end
  -- In the client's clock, with which it compares them.
  local answer = {}
  for index, at in ipairs(count) do answer[index] = text(at + now - early) end
  return answer
end`;

export const USED = `${COUNT(1)}
return finish(counting())`;

export const DEBIT = `${COUNT(2)}
local limit = tonumber(ARGV[4])
local spare = #logins - math.max(100, 2 * limit)
if spare > 0 then
  table.sort(logins)
  redis.call('ZREMRANGEBYSCORE', key, '-inf', text(math.min(logins[spare], early - window)))
end
-- More than a window ahead of both clocks: noted by a wrong clock. It was made before now, so it counts from now on.
for index = 2, #flat, 2 do
  if tonumber(flat[index]) > late + window then
    redis.call('ZADD', key, text(late), flat[index - 1])
    added = true
  end
end
local count = counting()
local at, granted = late, 0
if #count < limit then
  while has[text(at)] do at = at + 1 end
  keep(at)
  granted = 1
  count = counting()
end
local answer = finish(count)
table.insert(answer, 1, text(at))
table.insert(answer, 1, granted)
return answer`;

export const TAKE_BACK = `
local flat = redis.pcall('ZRANGE', KEYS[1], 0, -1, 'WITHSCORES')
if flat.err then return -1 end
local found, score
for index = 1, #flat, 2 do
  if string.match(flat[index], '^%d+') == ARGV[1] then found, score = flat[index], flat[index + 1] end
end
if not found then return 0 end
redis.call('ZREMRANGEBYSCORE', KEYS[1], score, score)
for index = 1, #flat, 2 do
  if flat[index + 1] == score and flat[index] ~= found then redis.call('ZADD', KEYS[1], score, flat[index]) end
end
return 1`;
