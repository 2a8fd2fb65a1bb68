"""Libraries of functions, right and wrong, and commands around them."""

REGISTER = 'redis.register_function("f",function() return 1 end)'

FIRST_LINES = [
    "#!lua",
    "#!lua name=x",
    "#! lua name=x",
    "#!foo",
    "#!foo name=x",
    "#!LUA name=x",
    '#!"lua" name=x',
    "#!'lua' name='x'",
    '#!"" name=x',
    '#!lua"x" name=x',
    "#!",
    "#! ",
    "#!lua name=",
    "#!lua name=x y",
    "#!lua name=x name=y",
    "#!lua name=x foo=y",
    "#!lua NAME=x",
    "#!lua name = x",
    '#!lua "name=x"',
    '#!lua na"me=x"',
    '#!lua name="x y"',
    '#!lua name="x',
    '#!lua name="a"b',
    "#!lua name=x-1",
    "#!lua name=a\\x",
    "#!lua name=é",
    "#!lua\tname=x",
    "#!lua   name=abc_DEF_09   ",
    "#!lua name=x\r",
    " #!lua name=x",
    "lua name=x",
    "",
]

# What register_function is called with.
ARGUMENTS = [
    "()",
    '("a")',
    "(1)",
    '("a",1)',
    '("a",nil)',
    '("a",{})',
    '("a b",function() end)',
    '("",function() end)',
    '("a\\0b",function() end)',
    "(1,function() end)",
    "(1.5,function() end)",
    '(function() end,"a")',
    "({},function() end)",
    "(nil,function() end)",
    '("a",function() end,3)',
    '("a",function() end,3,4)',
    '("a",function() end) redis.register_function("a",function() end)',
    "{}",
    '{function_name="a"}',
    "{callback=function() end}",
    '{function_name="a",callback=1}',
    "{function_name=1,callback=function() end}",
    "{function_name={},callback=function() end}",
    "{function_name=nil,callback=function() end}",
    '{function_name="a",callback=function() end,foo=1}',
    '{function_name="a",callback=function() end,[1]=1}',
    "{[true]=1}",
    '{function_name="a",callback=function() end,flags=1}',
    '{function_name="a",callback=function() end,flags="no-writes"}',
    '{function_name="a",callback=function() end,flags={}}',
    '{function_name="a",callback=function() end,flags={"foo"}}',
    '{function_name="a",callback=function() end,flags={1}}',
    '{function_name="a",callback=function() end,flags={{}}}',
    '{function_name="a",callback=function() end,flags={no_writes=1}}',
    '{function_name="a",callback=function() end,flags={"no-writes",nil,"foo"}}',
    '{FUNCTION_NAME="a",CallBack=function() end,Flags={"NO-WRITES"}}',
    '{function_name="a",callback=function() end,flags={"no-writes","allow-oom","allow-stale","no-cluster",'
    '"allow-cross-slot-keys","no-writes"}}',
    '{function_name="a",callback=function() end,description={}}',
    '{function_name="a",callback=function() end,description=12}',
    '{function_name="a",callback=function() end,description="d d"}',
    '({function_name="a",callback=function() end},1)',
]

# What else libraries may try while they are loaded.
STATEMENTS = [
    "bad bad",
    "return 1",
    "return foo",
    "foo=1",
    "function foo() end",
    "nil_call()",
    'error("boo")',
    "local t={} t.x.y=1",
    "local function e() return e2() end e()",
    'local x=("x"):rep(10)',
    'redis.call("get","a")',
    'redis.pcall("get","a")',
    'redis.log(2,"x")',
    "redis.log()",
    'redis.log("a","b")',
    'redis.sha1hex("a")',
    "redis.setresp(3)",
    'redis.error_reply("x")',
    'redis.status_reply("x")',
    "redis.set_repl(3)",
    "redis.replicate_commands()",
    'redis.acl_check_cmd("get")',
    "redis.breakpoint()",
    "local x=redis.REDIS_VERSION",
    "local x=redis.foo",
    "redis.foo=1",
    "_G.x=1",
    "setmetatable(_G,{})",
    "pcall(redis.register_function)",
    "local x=math.random()",
    "local x=pairs",
    "local x=KEYS",
    "local x=cjson",
    "os.clock()",
    "collectgarbage()",
    'loadstring("x=1")()',
    "local x=redis.register_function",
    "\n\n\nlocal x = = 2",
    "while true do end",
]

# Functions, by what they do.
BODIES = {
    "args": "return {keys,args,type(keys),type(args)}",
    "count": "counter=counter+1 return counter",
    "globalkeys": "return KEYS",
    "setglobal": "x=1",
    "getglobal": "return x",
    "field": "return _G.x",
    "unknown": 'return redis.call("nope")',
    "caught": 'return redis.pcall("nope")',
    "raise": 'error("boo")',
    "raisetable": 'error({err="My Err"})',
    "errorreply": 'return redis.error_reply("boo")',
    "statusreply": 'return redis.status_reply("fine")',
    "write": 'return redis.call("set",keys[1],args[1])',
    "register": "redis.register_function()",
    "kept": 'register("zzz",function() end)',
    "keptcall": 'return kept.call("ping")',
    "nested": 'return redis.call("fcall","args",0)',
    "eval": 'return redis.call("eval","return 1",0)',
    "list": 'return redis.call("function","list")',
    "setfield": "redis.foo=1",
    "resp": 'redis.setresp(3) return redis.call("hgetall","hash")',
    "cjson": "return cjson.encode({1})",
    "sha": 'return redis.sha1hex("x")',
    "load": 'return loadstring("return 5")()',
    "table": "return {1,2,nil,4}",
    "nothing": "",
    "api": "local t={} for k in pairs(redis) do t[#t+1]=k end table.sort(t) return t",
    "deep": "local function d(n) if n==0 then error('deep') end return d(n-1) end return d(5)",
}

LIBRARY = (
    "#!lua name=many\nlocal counter=0\nlocal register=redis.register_function\nlocal kept=redis\n"
    + "\n".join(f'redis.register_function("{name}",function(keys,args) {body} end)' for name, body in BODIES.items())
    + '\nredis.register_function{function_name="readonly",flags={"no-writes"},callback=function(keys,args) '
    + 'return redis.call("set",keys[1],args[1]) end}\n'
    + 'redis.register_function{function_name="read",flags={"no-writes"},callback=function(keys) '
    + 'return redis.call("get",keys[1]) end}'
)

COMMANDS = [
    ("FCALL",),
    ("FCALL", "args"),
    ("FCALL", "zz", "0"),
    ("FCALL", "zz", "x"),
    ("FCALL", "args", "x"),
    ("FCALL", "args", "0 "),
    ("FCALL", "args", "-1"),
    ("FCALL", "args", "1"),
    ("FCALL", "ARGS", "0"),
    ("FCALL", "args", "2", "k{a}", "k{b}", "x", "y"),
    ("FCALL", "write", "1", "key", "value"),
    ("FCALL", "readonly", "1", "key", "value"),
    ("FCALL_RO", "readonly", "1", "key", "value"),
    ("FCALL_RO", "write", "1", "key", "value"),
    ("FCALL_RO", "read", "1", "key"),
    ("FCALL_RO", "zz", "0"),
    ("FUNCTION",),
    ("FUNCTION", "FOO"),
    ("FUNCTION", "HELP"),
    ("FUNCTION", "HELP", "x"),
    ("FUNCTION", "LOAD"),
    ("FUNCTION", "LOAD", "REPLACE"),
    ("FUNCTION", "LOAD", "FOO", LIBRARY),
    ("FUNCTION", "LOAD", "replace", "replace", LIBRARY),
    ("FUNCTION", "LOAD", LIBRARY),
    ("FUNCTION", "LOAD", "#!lua name=other\n" + 'redis.register_function("args",function() end)'),
    ("FUNCTION", "LIST"),
    ("FUNCTION", "LIST", "LIBRARYNAME"),
    ("FUNCTION", "LIST", "LIBRARYNAME", "no*"),
    ("FUNCTION", "LIST", "LIBRARYNAME", "o", "LIBRARYNAME", "m"),
    ("FUNCTION", "LIST", "WITHCODE", "WITHCODE"),
    ("FUNCTION", "LIST", "foo"),
    ("FUNCTION", "STATS"),
    ("FUNCTION", "STATS", "x"),
    ("FUNCTION", "KILL"),
    ("FUNCTION", "KILL", "x"),
    ("FUNCTION", "DUMP", "x"),
    ("FUNCTION", "RESTORE"),
    ("FUNCTION", "RESTORE", "x"),
    ("FUNCTION", "RESTORE", "x", "y"),
    ("FUNCTION", "RESTORE", "x", "append", "z"),
    ("FUNCTION", "DELETE"),
    ("FUNCTION", "DELETE", "nope"),
    ("FUNCTION", "DELETE", "many", "x"),
    ("FUNCTION", "FLUSH", "foo"),
    ("FUNCTION", "FLUSH", "sync", "x"),
    ("EVAL", "return redis.call('fcall','args',0)", "0"),
    ("EVAL", "return redis.call('function','list')", "0"),
    ("COMMAND", "GETKEYS", "FCALL", "x", "2", "a", "b", "c"),
    ("COMMAND", "GETKEYS", "FCALL", "x", "0", "a"),
    ("COMMAND", "GETKEYS", "FCALL", "x", "3", "a"),
    ("COMMAND", "GETKEYS", "FCALL_RO", "x", "1", "a"),
    ("COMMAND", "GETKEYS", "EVAL", "x", "2", "a", "b"),
    ("COMMAND", "GETKEYSANDFLAGS", "FCALL", "x", "1", "a"),
    ("COMMAND", "GETKEYSANDFLAGS", "FCALL_RO", "x", "1", "a"),
    ("FUNCTION", "DELETE", "many"),
    ("FCALL", "args", "0"),
]


def commands():
    """One after the other, each answered the same by every server."""
    yield ("FUNCTION", "FLUSH")
    for line in FIRST_LINES:
        yield ("FUNCTION", "LOAD", f"{line}\n{REGISTER}")
        yield ("FUNCTION", "LOAD", line)
        yield ("FUNCTION", "LIST", "WITHCODE")
        yield ("FUNCTION", "FLUSH", "SYNC")
    for arguments in ARGUMENTS:
        yield ("FUNCTION", "LOAD", "REPLACE", f"#!lua name=lib\nredis.register_function{arguments}")
        yield ("FUNCTION", "LIST")
        yield ("FUNCTION", "FLUSH", "ASYNC")
    for statement in STATEMENTS:
        yield ("FUNCTION", "LOAD", "REPLACE", f"#!lua name=lib\n{statement} {REGISTER}")
        yield ("FUNCTION", "LOAD", "REPLACE", f"#!lua name=lib\n{statement}")
    yield ("FUNCTION", "FLUSH")
    yield ("FUNCTION", "LOAD", LIBRARY)
    for name in BODIES:
        yield ("FCALL", name, "1", "key", "value")
        yield ("FCALL_RO", name, "0")
    yield from COMMANDS
