-- kept: replies that nobody drops (MISTAKE=kept), or none
local kept, mistake, part = {}, os.getenv("MISTAKE"), tonumber(os.getenv("PART") or "300")
core.register_service("app", "http", function(applet)
	local body = string.rep(applet.path .. " ", 30)
	if mistake == "kept" then
		kept[#kept + 1] = body:sub(1, 60) .. tostring(#kept) .. string.rep("k", part)
	end
	applet:set_status(200)
	applet:add_header("content-length", tostring(#body))
	applet:start_response()
	applet:send(body)
end)
