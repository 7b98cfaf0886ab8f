-- POST an item of the queue; the answer names the item that takes its place. Each wrk thread runs
-- this in a state of its own, with every n-th item. The state in which `setup` and `done` run is
-- another one, that of no thread.

local folder = debug.getinfo(1, "S").source:match("^@(.*/)")
dofile(folder .. "report.lua")

local threads = {}

function setup(thread)
    thread:set("number", #threads)
    table.insert(threads, thread)
end

-- Globals, so that `done` can read them.
wrong, example = 0, ""

local before, after, pattern, once
local queue, first, last = {}, 1, 0
local sent = {}
local is_rehearsed = false

local function push(item)
    last = last + 1
    queue[last] = item
end

local function note_wrong(what)
    wrong = wrong + 1
    if example == "" then example = what end
end

function init(args)
    local lines = io.lines(args[1])
    local count = tonumber(args[2])
    before, after = lines(), lines()
    pattern = '"' .. lines() .. '":"([^"]+)"'
    once = lines() == "1"
    local index = 0
    for item in lines do
        if index % count == number then push(item) end
        index = index + 1
    end
end

function request()
    -- wrk asks the first thread for a request that it does not send, to see how many it holds.
    if number == 0 and not is_rehearsed then
        is_rehearsed = true
        return wrk.format("GET", "/")
    end
    if first > last then
        note_wrong("no item is left for this connection")
        return wrk.format("GET", "/")
    end
    local item = queue[first]
    queue[first] = nil
    first = first + 1
    if once then sent[item] = true end
    return wrk.format("POST", nil, nil, before .. item .. after)
end

function response(status, headers, body)
    local item = status == 200 and body:match(pattern)
    if not item then
        note_wrong(status .. " " .. body:sub(1, 300))
    elseif sent[item] then
        note_wrong("an item came back that had been sent: " .. item)
    else
        push(item)
    end
end

function done(summary, latency, requests)
    local all, first_example = 0, ""
    for _, thread in ipairs(threads) do
        all = all + thread:get("wrong")
        if first_example == "" then first_example = thread:get("example") end
    end
    report(summary, latency, all, first_example)
end
