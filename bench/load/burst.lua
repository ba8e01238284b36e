-- One burst: the same request again and again. Arguments after "--": method, bytes of body.
-- No response(): it would cost the load generator a call per reply.

function init(args)
  wrk.method = args[1]
  local bytes = tonumber(args[2])
  if bytes > 0 then
    local open, close = '{"text":"', '"}'
    wrk.body = open .. string.rep("x", bytes - #open - #close) .. close
    wrk.headers["Content-Type"] = "application/json"
  end
end

function done(summary, latency, requests)
  local e = summary.errors
  io.write(string.format(
    '\nBURST {"requests":%d,"microseconds":%d,"non2xx":%d,"socketErrors":%d,"timeouts":%d,"p50":%d,"p99":%d}\n',
    summary.requests, summary.duration, e.status, e.connect + e.read + e.write, e.timeout,
    latency:percentile(50), latency:percentile(99)))
end
