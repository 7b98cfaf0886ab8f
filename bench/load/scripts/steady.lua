-- The same request without pause. Answers are not looked at here, for that would slow wrk down:
-- it counts statuses by itself, the bytes are checked afterwards, and whole answers beside the run.

local folder = debug.getinfo(1, "S").source:match("^@(.*/)")
dofile(folder .. "report.lua")

function done(summary, latency, requests)
    report(summary, latency, summary.errors.status, "a status that is no success")
end
