-- The last line of output: what was measured, as JSON. Shared by both scripts.

local function escaped(text)
    return (text:gsub('[%c"\\]', function(c) return string.format("\\u%04x", c:byte()) end)
                :gsub("[\128-\255]", "?"))
end

function report(summary, latency, wrong, example)
    local errors = summary.errors
    local lost = errors.connect + errors.read + errors.write + errors.timeout
    io.write(string.format(
        '\n{"requests":%d,"seconds":%.6f,"wrong":%d,"wrong_example":"%s","bytes":%.0f,' ..
        '"p50_ms":%.3f,"p99_ms":%.3f}\n',
        summary.requests, summary.duration / 1e6, wrong + lost, escaped(example), summary.bytes,
        latency:percentile(50) / 1e3, latency:percentile(99) / 1e3))
end
