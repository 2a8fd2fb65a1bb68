"""Scripts whose replies have to be redis-server's, byte for byte: (script, keys, arguments)."""

# What a script returns.
VALUES = """
1 | -1 | 3.99 | -3.99 | 0/0 | 1/0 | -1/0 | 2^53 | 2^62 | 2^63 | -2^63 | 1e300 | 0x10 | "x" | "" | "\\0\\r\\n" | true | false | nil
function() end | coroutine.create(function() end) | {} | {1,2,3} | {1,2,nil,4} | {nil,2} | {a=1} | {1,a=2} | {[0]=1,[1]=2,[3]=4}
{{{{}}}} | {1,{2,{3}},"x",false,true,function() end,5} | {{},{{}}} | {true,false} | {1.5,"2.5"}
{ok="fine"} | {ok="a\\r\\nb"} | {ok=5} | {ok={}} | {ok=""} | {ok="x",1,2} | {ok="a\\0b"} | {err="My Err"} | {err="x\\r\\ny"} | {err=""} | {err=5}
{err="-X"} | {err="a",ok="b"} | {1,{err="in"},2} | {1,{ok="in"}}
{double=3.5} | {double=3} | {double=0.1} | {double=1/0} | {double=-1/0} | {double="1"} | {double=1e300} | {double=1,map={}}
{map={a=1}} | {map={}} | {map={a={map={b=1}}}} | {map=5,7} | {map={[1]="x"}} | {map={[true]=false}} | {map={1,2}}
{set={a=true}} | {set={}} | {set={x=1}} | {set=5,7} | {set={[3]=1}} | {set={a=false}}
{big_number="123"} | {big_number="x\\r\\ny"} | {big_number=5} | {big_number=""} | {big_number="1",set={a=1}}
{verbatim_string={string="x",format="txt"}} | {verbatim_string={string="x",format="t"}} | {verbatim_string={string="x",format="text"}}
{verbatim_string={string="x"}} | {verbatim_string={format="txt"},1} | {verbatim_string="x",2} | {verbatim_string={string=5,format="txt"}}
redis.error_reply("boom") | redis.error_reply("My Err") | redis.error_reply("-My Err") | redis.error_reply("-Boom") | redis.error_reply("") | redis.error_reply("-")
redis.error_reply("a b\\r\\nc") | redis.error_reply() | redis.error_reply(1) | redis.error_reply({}) | redis.error_reply("a","b") | redis.error_reply(" a")
redis.status_reply("FINE") | redis.status_reply("F\\r\\nx") | redis.status_reply() | redis.status_reply(1) | redis.status_reply("a","b") | redis.status_reply("")
#KEYS | #ARGV | KEYS | ARGV | KEYS[1] | KEYS[2] | KEYS[3] | ARGV[1] | KEYS[0] | type(KEYS) | {KEYS,ARGV} | next(KEYS)
type(redis) | type(_G) | _VERSION | tostring(nil) | tostring(1e15) | tostring(2^63) | tostring(0.1) | tostring(-0) | tostring(0/0) | tostring(1/0)
type(getmetatable("")) | type(getmetatable(_G)) | type(getmetatable(redis)) | type(getmetatable({})) | #redis | #_G | rawequal(_G,_G) | _G._G==_G
rawget(_G,"foo") | type(rawget(string,"format")) | type(rawget(redis,"call")) | rawget(KEYS,1) | type(next(string)) | type(pairs({})) | select("#",1,2,3)
type(os) == "table" | tostring(tonumber("0x10")) | tostring(tonumber("0b1")) | tonumber("1e") | tonumber("10",2) | tonumber(" 5 ") | tonumber("5x") | "\\x41" | "\\65\\066"
string.format("%5.1f|%s|%q|%d|%x|%g|%c|%i|%e|%%",1.25,"s","q\\n",3.7,255,1e20,65,7,1.5) | string.format("%s",true and "t") | string.format("%10s|%-10s|%.2s","a","b","cde")
("x"):rep(3) | ("abc"):upper() | #("x"):rep(1000) | ("a,b"):find(",") | ("a.b"):gsub("%.","-") | ("k=v"):match("(%w+)=(%w+)") | table.concat({1,2,3},"-") | unpack({1,2,3}) | string.rep("x",-1)
loadstring("return 1+1")() | {loadstring("x=")} | {loadstring("\\27Lua")} | {load(function() return nil end)} | {pcall(load,"return 1")} | type(load(function() return nil end))
{select(2,loadstring(string.dump(function() end)))} | {select(2,load(function() return "\\27x" end))} | {pcall(load,function() return {} end)} | loadstring("return ...","=x")(7)
redis.sha1hex("") | redis.sha1hex("abc") | redis.sha1hex(1) | redis.sha1hex({}) | redis.sha1hex() | redis.sha1hex("a","b") | redis.sha1hex(nil) | redis.sha1hex(("x"):rep(1000))
redis.replicate_commands() | redis.breakpoint() | redis.debug("x") | redis.nosuch | redis.register_function | redis.LOG_DEBUG | redis.LOG_VERBOSE | redis.LOG_NOTICE | redis.LOG_WARNING
redis.REPL_ALL | redis.REPL_AOF | redis.REPL_REPLICA | redis.REPL_SLAVE | redis.REPL_NONE | redis.set_repl(redis.REPL_ALL) | redis.set_repl() | redis.set_repl(9) | redis.set_repl("x") | redis.set_repl(1,2)
redis.log() | redis.log(1) | redis.log("x","y") | redis.log(9,"y") | redis.log(-1,"y") | redis.log(redis.LOG_DEBUG,"y") | redis.log("0","y",{},5) | redis.setresp() | redis.setresp(4) | redis.setresp(3) | redis.setresp("x") | redis.setresp("3") | redis.setresp(2,3)
redis.acl_check_cmd() | redis.acl_check_cmd("nosuch") | redis.acl_check_cmd("get","x") | redis.acl_check_cmd({}) | redis.acl_check_cmd("config","nosuch") | redis.acl_check_cmd("config","get","x")
redis.call() | redis.call({}) | redis.call("get",{}) | redis.call("get",true) | redis.call(nil) | redis.call("get",nil) | redis.call("nosuch") | redis.call("") | redis.call("get") | redis.call("get","a","b") | redis.call("config")
redis.call("config","get","x") | redis.call("config","nosuch","x") | redis.call("object","nosuch","x") | redis.call("object") | redis.call("GET","k") | redis.call("mset","a") | redis.call("mset","a","1","b") | redis.call("set","n",1.5) and redis.call("get","n")
redis.pcall() | redis.pcall({}) | redis.pcall("nosuch") | redis.pcall("get") | redis.pcall("get",{}) | redis.pcall("eval","return 1",0) | redis.pcall("set","a","b") | redis.pcall("incr","str") | redis.pcall("config","get","x") | redis.pcall("mset","a")
redis.call("eval","return 1",0) | redis.call("evalsha","x",0) | redis.call("script","load","return 1") | redis.call("script","help") | redis.call("hello","3") | redis.call("client","id") | redis.call("debug","jmap") | redis.call("config","set","maxmemory","0")
redis.call("ping") | redis.call("ping","x") | redis.call("echo","x") | redis.call("select",3) | redis.call("select",99) | redis.call("select","x") | redis.call("dbsize") | redis.call("type","str") | redis.call("exists","str","nosuch","list")
redis.call("incr","str") | redis.call("lpush","str","x") | redis.call("get","list") | redis.call("lrange","list",0,-1) | redis.call("hgetall","hash") | redis.call("smembers","set") | redis.call("zrange","zset",0,-1,"withscores") | redis.call("zscore","zset","a")
redis.call("get","nosuch") | redis.call("hget","hash","nosuch") | redis.call("lpop","nosuch") | redis.call("mget","str","nosuch","list") | redis.call("lpos","list","nosuch") | redis.call("hmget","hash","f","g") | redis.call("blpop","nosuch",0) == nil
redis.call("SET","k1","v","GET") | redis.call("set","k2","v","nx") | redis.call("set","k2","v","nx") | redis.call("append","str","more") | redis.call("incrbyfloat","num","0.1") | redis.call("getrange","str",0,1) | redis.call("xadd","s","1-1","f","v") | redis.call("xrange","s","-","+")
"str" .. redis.call("get","str") | redis.call("set","t",string.rep("x",100)) | #redis.call("get","t") | redis.call("del",unpack({"k1","k2"})) | redis.call("set","f",10/3) and #redis.call("get","f") > 10 | redis.call("zadd","z",3,"a",2^60,"b") | redis.call("zrange","z",0,-1)
redis.call("set","i",2^53) and redis.call("get","i") | redis.call("set","i",-5) and redis.call("get","i") | redis.call("set","i",1e15) and redis.call("get","i") | redis.call("set","i",123456789012) and redis.call("get","i")
cjson.encode({1,2,3}) | cjson.encode({a=1}) | cjson.decode("[1,2,{}]")[2] | cjson.decode("{") | cjson.encode(function() end) | cjson.encode({[1]=1,[3]=3}) | cjson.decode("null") == cjson.null | pcall(cjson.decode,"[") | cjson.encode(1/0)
cmsgpack.unpack(cmsgpack.pack({1,2,3}))[3] | #cmsgpack.pack("abc") | struct.unpack("<I",struct.pack("<I",7)) | bit.band(7,3) | bit.tohex(255) | bit.bor(1,"2") | bit.band("x") | struct.pack("x!") | cmsgpack.unpack("")
pcall(error) | {pcall(error)} | {pcall(error,"x")} | {pcall(error,{err="E x"})} | {pcall(error,{err=5})} | {pcall(error,5)} | {pcall(error,nil)} | {pcall(error,true)} | {pcall()} | {pcall(nil)} | {pcall(redis.call)} | {pcall(redis.call,"nosuch")}
{pcall(redis.call,"incr","str")} | {xpcall(function() error("x") end,function(e) return "H"..e end)} | {xpcall(function() return redis.call("nosuch") end,function(e) return e.err end)} | {xpcall(error,error)} | {pcall(pcall)} | select(2,pcall(error,{}))
collectgarbage("collect") | type(collectgarbage("count")) | collectgarbage("nosuch") | gcinfo() > 0 | select(0) | select(-1,1,2) | ipairs() | pairs() | next() | next({},"x") | rawset({},1) | rawget(1,1) | setmetatable(1,{}) | setmetatable({},1) | setmetatable({},{__metatable=5}) | getmetatable(setmetatable({},{__metatable=5}))
math.random(0) | math.random(5,1) | math.random(1,2,3) | math.randomseed() | math.randomseed(5) | (function() math.randomseed(7) return {math.random(100),math.random(1,1000),tostring(math.random())} end)() | math.floor(-3.5) | math.mod(7,3) | math.fmod(-7,3) | math.max() | math.huge
table.getn({1,2}) | table.setn({},1) | string.gfind("a","a") | table.insert({},1,2,3) | table.insert(nil,1) | table.insert({},"x",1) | table.remove({1,2,3},1) | table.sort({3,1,2}) | table.maxn({[5]=1}) | table.foreach({7},function(k,v) return v end) | table.concat({{}}) | table.concat({1,2},",",1,3)
type(table.foreach(math,function(k,v) return k end)) | table.foreachi({1,2},function(i,v) if i==2 then return v*10 end end) | arg | (function(...) return arg.n end)(1,2,3) | (function(...) return select("#",...) end)(nil,nil)
"10"+5 | "a"+1 | 1 .. 2 | {}.."x" | #5 | -{} | 1 < "2" | {} < {} | nil + 1 | ("x")() | (nil)() | KEYS.x.y | KEYS() | redis.call.x | ("x").y | ("x").y.z
"""

# Scripts of their own.
SCRIPTS = [
    "",
    "return",
    "local x = 1",
    "x=",
    "return 1 2",
    "goto x ::x::",
    "if",
    "return 'abc",
    "return [[x",
    "for",
    "return 1 +",
    "end",
    "return 08",
    "return 0x",
    "return 1..2",
    "return \x01",
    "local function f( return 1 end",
    "break",
    "return ...",
    "local a <const> = 1",
    "return 5 // 2",
    "return 1 & 2",
    "return '\\400'",
    "foo = 1",
    "return foo",
    "return foo.bar",
    "foo()",
    "function f() end",
    "_G.foo = 1",
    "return _G.foo",
    "return _G[1]",
    "KEYS = 1",
    "ARGV = nil",
    "KEYS[1] = 'b' return KEYS[1]",
    "KEYS.x = 5 return KEYS.x",
    "redis = nil",
    "redis.call = 1",
    "redis.foo = 1",
    "string.x = 1",
    "string.format = nil",
    "math.pi = 3",
    "cjson.x = 1",
    "rawset(string,'x',1)",
    "rawset(_G,'x',1)",
    "rawset(redis,'call',nil)",
    "setmetatable(_G,{})",
    "setmetatable(string,{})",
    "setmetatable(redis,nil)",
    "getmetatable('').__index = 1",
    "getmetatable('').x = 1",
    "getmetatable(_G).__index = nil",
    "table.insert(string,1)",
    "table.insert(_G,1,2)",
    "return table.remove(string)",
    "table.sort(redis)",
    "local n = 0 for k in pairs(string) do n = n + 1 end return n",
    "local n = {} for k in pairs(getmetatable(_G)) do n[#n+1] = k end return n",
    "local n = {} for k in pairs(getmetatable('')) do n[#n+1] = k end return n",
    "local n = {} for k in pairs(math) do n[#n+1] = k end table.sort(n) return n",
    "local n = {} for k in pairs(table) do n[#n+1] = k end table.sort(n) return n",
    "local n = {} for k in pairs(string) do n[#n+1] = k end table.sort(n) return n",
    "local n = {} for k in pairs(coroutine) do n[#n+1] = k end table.sort(n) return n",
    "local n = {} for k in pairs(bit) do n[#n+1] = k end table.sort(n) return n",
    "local n = {} for k in pairs(struct) do n[#n+1] = k end table.sort(n) return n",
    "local n = {} for k in pairs(redis) do n[#n+1] = k end table.sort(n) return n",
    "local n = {} for k,v in ipairs(string) do n[#n+1] = k end return n",
    "return print",
    "return io",
    "return require",
    "return package",
    "return dofile",
    "return loadfile",
    "return debug",
    "return getfenv",
    "return setfenv",
    "return module",
    "return newproxy",
    "error('plain')",
    "error('plain',0)",
    "error('plain',2)",
    "error('ERR x y',0)",
    "error({err='My Err'})",
    "error({err='My Err',source='s',line=5})",
    "error()",
    "error(nil)",
    "error(5)",
    "error(true)",
    "error(function() end) return 1" if False else "error('a\\r\\nb')",
    "error('x\\0y')",
    "local function f() error('deep') end\n\nlocal function g()\n f() end\ng()",
    "local function f() error('level', 2) end\n\nf()",
    "return redis.call('incr',\n'str')",
    "local x = 1\nreturn redis.call('incr', 'str')",
    "local x = 1\nlocal function f()\n return redis.call('incr', 'str')\nend\nreturn f()",
    "local x = 1\nreturn string.format('%d', 'x')",
    "local x = 1\nreturn ('x'):rep({})",
    "local t = nil\nreturn t.x",
    "local t = {}\nreturn t.x.y",
    "local t = {}\nt.x.y = 1",
    "local t = {}\nt[nil] = 1",
    "local t = {}\nt[0/0] = 1",
    "local t = {}\nreturn t()",
    "local t = {}\nt.x()",
    "local t = {}\nt:x()",
    "return {pcall(function() return redis.call('incr','str') end)}",
    "local ok, e = pcall(redis.call, 'incr', 'str') return type(e)",
    "local e = redis.pcall('incr', 'str') return {type(e), e.err, tostring(e.ignore_error_stats_update), type(e.ok)}",
    "local e = redis.pcall('nosuch') return {e.err, tostring(e.ignore_error_stats_update)}",
    "local e = redis.pcall() return {e.err, tostring(e.ignore_error_stats_update)}",
    "local e = redis.pcall('incr', 'str') error(e)",
    "local e = redis.pcall('incr', 'str') return e",
    "local e = redis.pcall('incr', 'str') error(e.err)",
    "redis.pcall('set', 'a', '1') redis.pcall('incr', 'str') return redis.pcall('get', 'a')",
    "redis.call('set', 'a', '1') redis.call('incr', 'str')",
    "redis.setresp(3) return redis.call('hgetall', 'hash')",
    "redis.setresp(3) return redis.call('hgetall', 'hash').map.f",
    "redis.setresp(3) return redis.call('smembers', 'set')",
    "redis.setresp(3) return redis.call('zscore', 'zset', 'a')",
    "redis.setresp(3) return redis.call('zscore', 'zset', 'a').double",
    "redis.setresp(3) return redis.call('zrange', 'zset', 0, -1, 'withscores')",
    "redis.setresp(3) return redis.call('get', 'nosuch') == nil",
    "redis.setresp(3) return {redis.call('get', 'nosuch'), 1}",
    "redis.setresp(2) return redis.call('get', 'nosuch') == false",
    "redis.setresp(3) redis.setresp(2) return redis.call('hgetall', 'hash')",
    "redis.setresp(3) return redis.call('zmscore', 'zset', 'a', 'nosuch')",
    "redis.setresp(3) return redis.call('config', 'get', 'x')",
    "redis.setresp(3) return true",
    "redis.setresp(3) return false",
    "redis.setresp(3) return {true, false}",
    "redis.setresp(3) return redis.call('sismember', 'set', 'a')",
    "redis.setresp(3) return redis.call('object', 'help')[1]",
    "redis.setresp(3) local r = redis.call('xread', 'streams', 'stream', '0') return type(r.map)",
    "redis.setresp(3) return redis.call('debug', 'protocol', 'true')",
    "redis.call('select', 3) redis.call('set', 'other', 'x') return redis.call('get', 'other')",
    "return redis.call('exists', 'other')",
    "local t = {} t[1] = t return t",
    "local t = {} t.map = {a = t} return t",
    "local t = {} for i = 1, 10 do t = {t} end return t",
    "local t = {} for i = 1, 1000 do t[i] = i end return t",
    "local t = {} for i = 1, 9000 do t[i] = 'k' end return redis.call('del', unpack(t))",
    "local t = {} for i = 1, 7900 do t[i] = 'k' end return redis.call('del', unpack(t))",
    "return unpack({}, 1, 8000)",
    "local function f() return pcall(f) end return {f()}",
    "local function f() local a, b = pcall(f) return a, b end return {f()}",
    "local function f() local s = string.gsub('a', 'a', function() return f() end) return s end return f()",
    "local m = {} m.__index = function(t, k) return t[k + 1] end return setmetatable({}, m)[1]",
    "local function f() table.sort({1, 2}, function() f() end) end f()",
    "local function f() return tostring(setmetatable({}, {__tostring = f})) end return f()",
    "local s = '1' for i = 1, 300 do s = '(' .. s .. ')' end return {loadstring('return ' .. s)}",
    "local c c = function() return coroutine.wrap(c)() end return c()",
    "local function f(n) if n == 0 then return 0 end return 1 + f(n - 1) end return f(15000)",
    "local function f(n) if n == 0 then return 0 end return 1 + f(n - 1) end return f(25000)",
    "local function f(n) if n == 0 then return 7 end return f(n - 1) end return f(100000)",
    "local c = coroutine.create(function(a) local b = coroutine.yield(a + 1) return b * 2 end) "
    "local _, x = coroutine.resume(c, 1) local _, y = coroutine.resume(c, 10) return {x, y, coroutine.status(c)}",
    "return coroutine.wrap(function() return redis.call('get', 'str') end)()",
    "return coroutine.wrap(function() return redis.call('incr', 'str') end)()",
    "local c = coroutine.create(function() redis.call('nosuch') end) return {coroutine.resume(c)}",
    "return coroutine.yield(1)",
    "return string.find('a', '%')",
    "return string.find('a', '[')",
    "return string.format('%99999d', 1)",
    "return string.format('%y', 1)",
    "return string.format('%d')",
    "return string.format('%s', {})",
    "return string.format('%d', '10')",
    "return ('x'):bad()",
    "return tostring()",
    "return tonumber()",
    "return tonumber('z', 36)",
    "return tonumber('1', 99)",
    "return unpack()",
    "return type()",
    "return assert(false)",
    "return assert(nil, 'msg')",
    "return assert(false, {err = 'E x'})",
    "return assert(1, 2)",
    "local t = setmetatable({}, {__index = function(t, k) return k .. '!' end}) return t.x",
    "local t = setmetatable({}, {__newindex = function(t, k, v) rawset(t, k, v * 2) end}) t.x = 4 return t.x",
    "local t = setmetatable({}, {__call = function(self, a) return a end}) return t(5)",
    "local t = setmetatable({}, {__len = function() return 9 end}) return #t",
    "local t = setmetatable({}, {__index = redis}) return t.call('get', 'str')",
    "local t = setmetatable({err = 'x y'}, {__index = {ok = 'no'}}) return t",
    "return setmetatable({}, {__index = {ok = 'no'}})",
    "return setmetatable({}, {__index = function() return 1 end})",
    "local a, b, c = string.byte('abc', 1, 3) return {a, b, c}",
    "local r = {} for w in string.gmatch('a b c', '%a') do r[#r + 1] = w end return r",
    "local r = {} for k, v in pairs({10, 20, 30}) do r[#r + 1] = k * v end return r",
    "local r = {} for k, v in pairs(redis.call('lrange', 'list', 0, -1)) do r[#r + 1] = k .. v end return r",
    "local r = {} for i, v in ipairs(redis.call('mget', 'str', 'nosuch', 'str')) do r[i] = v end return r",
    "local r = {} table.insert(r, 'a') table.insert(r, 1, 'b') table.insert(r, 2, 'c') table.insert(r, 9, 'z') return r",
    "local r = {3, 1, 2} table.sort(r, function(a, b) return a > b end) return r",
    "local r = {} for i = 1, 5 do r[i] = math.random() end return #r",
    "return cjson.encode({a = 1, b = 2, c = {1, 2, 3}, d = 'x', e = true})",
    "return cjson.encode(cjson.decode('{\"x\":[1,2,{\"y\":null}],\"z\":1.5}'))",
    "local r = {} for k, v in pairs({a = 1, b = 2, c = 3, d = 4, e = 5, f = 6}) do r[#r + 1] = k .. v end return r",
    "#!lua\nreturn 1",
    "#!lua",
    "#!lua flags=no-writes\nreturn redis.call('set', 'a', 'b')",
    "#!lua flags=no-writes\nreturn redis.pcall('set', 'a', 'b')",
    "#!lua flags=no-writes\nreturn redis.call('pfcount', 'a')",
    "#!lua flags=no-writes\n\nreturn redis.call('incr')",
    "#!lua flags=no-writes,allow-stale,allow-oom,no-cluster\nreturn 7",
    "#!lua flags=no-writes,allow-cross-slot-keys\nreturn 7",
    "#!lua flags=\nreturn 1",
    "#!lua flags=no-writes flags=no-writes\nreturn 1",
    "#!lua  flags=no-writes,\nreturn 1",
    "#!lua flags=,\nreturn 1",
    "#!lua flags=no-writes,foo\nreturn 1",
    "#!lua flags=NO-WRITES\nreturn 1",
    '#!lua "flags=no-writes"\nreturn 1',
    '#!lua "flags=no-writes\nreturn 1',
    "#!lua name=x\nreturn 1",
    "#!lua bar=1\nreturn 1",
    "#!lua bar\nreturn 1",
    "#!foo\nreturn 1",
    "#!LUA\nreturn 1",
    "#! lua\nreturn 1",
    "#!\nreturn 1",
    "#\nreturn 1",
    " #!lua\nreturn 1",
    "#!lua\nreturn foo",
    "#!lua\nx=",
]

# Whole commands.
COMMANDS = [
    ("EVAL", "return 1"),
    ("EVAL", "return 1", "-1"),
    ("EVAL", "return 1", "1"),
    ("EVAL", "return 1", "x"),
    ("EVAL", "return 1", "99999999999999999999"),
    ("EVAL", "return 1", "9223372036854775807"),
    ("EVAL", "return 1", ""),
    ("EVAL", "return {KEYS[1], ARGV[1]}", "1", "k"),
    ("EVAL_RO", "return redis.call('get', 'str')", "0"),
    ("EVAL_RO", "return redis.call('set', 'a', 'b')", "0"),
    ("EVAL_RO", "return redis.pcall('set', 'a', 'b')", "0"),
    ("EVAL_RO", "return redis.call('pfcount', 'a')", "0"),
    ("EVAL_RO", "#!lua\nreturn 1", "0"),
    ("EVAL_RO", "#!lua flags=no-writes\nreturn 1", "0"),
    ("EVAL_RO", "x=", "0"),
    ("EVALSHA", "abc", "0"),
    ("EVALSHA", "f" * 40, "0"),
    ("EVALSHA", "f" * 40, "x"),
    ("EVALSHA", "f" * 40, "1"),
    ("EVALSHA", "abc", "x"),
    ("EVALSHA", "f" * 40),
    ("EVALSHA_RO", "f" * 40, "0"),
    ("SCRIPT", "LOAD", "return 1"),
    ("SCRIPT", "LOAD", "x="),
    ("SCRIPT", "LOAD", "#!foo\nreturn 1"),
    ("SCRIPT", "LOAD", "#!lua\nreturn 1"),
    ("SCRIPT", "LOAD", ""),
    ("SCRIPT", "EXISTS", "e0e1f9fabfc9d4800c877a703b823ac0578ff8db", "x", "E0E1F9FABFC9D4800C877A703B823AC0578FF8DB"),
    ("SCRIPT", "EXISTS"),
    ("EVALSHA", "E0E1F9FABFC9D4800C877A703B823AC0578FF8DB", "0"),
    ("EVALSHA_RO", "e0e1f9fabfc9d4800c877a703b823ac0578ff8db", "0"),
    ("EVALSHA", "e0e1f9fabfc9d4800c877a703b823ac0578ff8db", "2"),
    ("SCRIPT", "FLUSH", "x"),
    ("SCRIPT", "FLUSH", "sync", "x"),
    ("SCRIPT", "FLUSH", "SYNC"),
    ("EVALSHA", "e0e1f9fabfc9d4800c877a703b823ac0578ff8db", "0"),
    ("SCRIPT", "FLUSH", "async"),
    ("SCRIPT", "FLUSH"),
    ("SCRIPT", "KILL"),
    ("SCRIPT", "DEBUG", "no"),
    ("SCRIPT", "DEBUG", "x"),
    ("SCRIPT", "HELP"),
    ("SCRIPT", "nosuch"),
    ("SCRIPT",),
    ("SCRIPT", "LOAD"),
    ("COMMAND", "GETKEYS", "EVAL", "return 1", "2", "a", "b", "c"),
    ("COMMAND", "GETKEYS", "EVALSHA", "x", "0"),
    ("COMMAND", "GETKEYSANDFLAGS", "EVAL_RO", "return 1", "1", "a"),
]


def values():
    for line in VALUES.strip().splitlines():
        yield from (value.strip() for value in line.split(" | "))


def scripts():
    yield from ("return " + value for value in values())
    yield from SCRIPTS
