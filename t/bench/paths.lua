-- SPDX-License-Identifier: Apache-2.0
-- wrk script: asks for the paths of the file BENCH_PATHS in random order (behind a tab: the token that goes
-- with one), or posts the file BENCH_BODY to BENCH_POST with the lines of BENCH_HEADERS; prints figures.
local paths, posted, post = {}, nil, os.getenv("BENCH_POST")
if post then
    wrk.method, wrk.path, wrk.body = "POST", post, io.open(os.getenv("BENCH_BODY")):read("*a")
    wrk.headers["Content-Type"] = "application/fhir+json"
    wrk.headers["Prefer"] = "return=minimal"
    for name, value in (os.getenv("BENCH_HEADERS") or ""):gmatch("([^:\n]+): ([^\n]*)") do
        wrk.headers[name] = value
    end
else
    for line in io.lines(os.getenv("BENCH_PATHS")) do paths[#paths + 1] = line end
end

function init(args) math.randomseed(os.time()) end

function request()
    if post then
        posted = posted or wrk.format() -- put together once: the load generator shares the cores
        return posted
    end
    local path, token = paths[math.random(#paths)]:match("^([^\t]*)\t?(.*)$")
    if token ~= "" then return wrk.format("GET", path, { Authorization = "Bearer " .. token }) end
    return wrk.format("GET", path)
end

function done(summary, latency, requests)
    local e = summary.errors
    io.write(string.format("figures %d %d %d %d %d %d %d\n", summary.requests, summary.duration,
        summary.bytes, e.connect + e.read + e.write + e.timeout, e.status,
        latency:percentile(50), latency:percentile(99)))
end
