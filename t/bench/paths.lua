-- SPDX-License-Identifier: Apache-2.0
-- wrk script: asks for the paths of the file BENCH_PATHS in random order, and prints figures.
local paths = {}
for line in io.lines(os.getenv("BENCH_PATHS")) do paths[#paths + 1] = line end

function init(args) math.randomseed(os.time()) end

function request() return wrk.format("GET", paths[math.random(#paths)]) end

function done(summary, latency, requests)
    local e = summary.errors
    io.write(string.format("figures %d %d %d %d %d %d\n", summary.requests, summary.duration,
        summary.bytes, e.connect + e.read + e.write + e.timeout + e.status,
        latency:percentile(50), latency:percentile(99)))
end
