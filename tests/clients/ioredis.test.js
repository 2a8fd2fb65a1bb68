'use strict';
// ioredis: pipelines, transactions, scripts, pub/sub, streams and blocking calls by many connections.

const assert = require('node:assert/strict');
const { test, after, beforeEach } = require('node:test');
const Redis = require('ioredis');
const { Ledger, port, range, until } = require('./harness');

const clients = [];

function connect(options) {
  const client = new Redis({ host: '127.0.0.1', port, ...options });
  clients.push(client);
  return client;
}

const r = connect();
beforeEach(() => r.flushall());
after(() => clients.forEach((client) => client.disconnect()));

test('pipelines, with and without being asked for', async () => {
  const pipeline = r.pipeline();
  for (const at of range(5000)) pipeline.set(`key:${at}`, at).incr(`key:${at}`);
  const results = await pipeline.exec();
  results.forEach(([error, value], at) => assert.deepEqual([error, value], [null, at % 2 ? (at + 1) / 2 : 'OK']));
  const auto = connect({ enableAutoPipelining: true });
  const values = await Promise.all(range(5000).map((at) => auto.get(`key:${at}`)));
  assert.deepEqual(values, range(5000).map((at) => String(at + 1)));
  assert.deepEqual(await r.mget(range(100).map((at) => `key:${at}`)), values.slice(0, 100));
});

test('transfers by WATCH and MULTI keep their sum', async () => {
  const accounts = range(8).map((at) => `account:${at}`);
  await r.mset(...accounts.flatMap((account) => [account, 100]));
  let retries = 0;
  const transfer = async (client, round) => {
    const [from, to] = [accounts[round % 8], accounts[(round * 3 + 1) % 8]];
    if (from === to) return;
    for (;;) {
      await client.watch(from, to);
      const [a, b] = await client.mget(from, to);
      const done = await client.multi().set(from, a - 1).set(to, Number(b) + 1).exec();
      if (done) return;
      retries++;
    }
  };
  const reader = connect();
  let reading = true;
  const sums = new Set();
  const read = (async () => {
    while (reading) sums.add((await reader.mget(accounts)).reduce((sum, value) => sum + Number(value), 0));
  })();
  await Promise.all(
    range(6).map(async (number) => {
      const client = connect();
      for (const round of range(300)) await transfer(client, round * 7 + number);
    }),
  );
  reading = false;
  await read;
  assert.deepEqual([...sums], [800]);
  assert.ok(retries > 0);
});

test('errors in transactions are told as they are', async () => {
  const results = await r.multi().set('a', 'x').incr('a').get('a').exec();
  assert.equal(results[1][0].message, 'ERR value is not an integer or out of range');
  assert.deepEqual(results[2], [null, 'x']);
  await assert.rejects(r.multi([['set', 'b'], ['get', 'a']]).exec(), /EXECABORT/);
  assert.equal(await r.exists('b'), 0);
});

test('scripts by defineCommand, on keys of several shards', async () => {
  const lua = "local s = 0 for i, k in ipairs(KEYS) do s = s + redis.call('INCRBY', k, ARGV[1]) end return {s, #KEYS, redis.status_reply('FINE')}";
  r.defineCommand('addToAll', { lua });
  const keys = range(10).map((at) => `sum:${at}`);
  for (const round of range(500)) assert.deepEqual(await r.addToAll(10, ...keys, 2), [20 * (round + 1), 10, 'FINE']);
  const pipeline = r.pipeline();
  for (const at of range(500)) pipeline.addToAll(1, `one:${at}`, at);
  (await pipeline.exec()).forEach(([error, value], at) => assert.deepEqual([error, value], [null, [at, 1, 'FINE']]));
  await r.script('FLUSH');
  assert.deepEqual(await r.addToAll(1, 'after', 1), [1, 1, 'FINE']);
  await assert.rejects(r.eval("return redis.call('LPUSH', KEYS[1], 1)", 1, 'after'), /WRONGTYPE/);
});

test('channels and patterns: each message once and in the order of its publisher', async () => {
  const channels = range(20).map((at) => `news:${at}`);
  const subscribers = range(5).map(() => connect());
  const heard = subscribers.map(() => new Map());
  for (const [at, client] of subscribers.entries()) {
    client.on('message', (channel, text) => heard[at].set(channel, [...(heard[at].get(channel) || []), Number(text)]));
    client.on('pmessage', (pattern, channel, text) => heard[at].set(pattern, [...(heard[at].get(pattern) || []), `${channel} ${text}`]));
    assert.equal(await client.subscribe(...channels), 20);
    assert.equal(await client.psubscribe('news:1*'), 21);
  }
  const publishers = range(4).map(() => connect());
  const counts = await Promise.all(
    range(4000).map((at) => publishers[(at % 20) % 4].publish(channels[at % 20], Math.floor(at / 20))),
  );
  counts.forEach((count, at) => assert.equal(count, at % 20 === 1 || at % 20 >= 10 ? 10 : 5));
  await until(() => heard.every((map) => (map.get('news:1*') || []).length === 2200), 'all have heard all');
  for (const map of heard) for (const channel of channels) assert.deepEqual(map.get(channel), range(200));
  for (const client of subscribers) assert.equal(await client.unsubscribe(...channels), 1);
  assert.equal(await r.publish('news:0', 'nobody'), 0);
});

test('a message comes after what its publisher wrote before', async () => {
  const subscriber = connect();
  const reader = connect();
  const wrong = [];
  let heard = 0;
  subscriber.on('message', async (_, text) => {
    if (Number(await reader.get(`value:${text % 10}`)) < Number(text)) wrong.push(text);
    heard++;
  });
  await subscriber.subscribe('go');
  for (const at of range(2000)) r.pipeline().set(`value:${at % 10}`, at).publish('go', at).exec();
  await until(() => heard === 2000, 'all are heard and read');
  assert.deepEqual(wrong, []);
});

test('keyspace notifications, expired ones too', async () => {
  await r.config('SET', 'notify-keyspace-events', 'KEA');
  const subscriber = connect();
  const events = [];
  subscriber.on('pmessage', (_, channel, key) => events.push(`${channel.split(':')[1]} ${key}`));
  await subscriber.psubscribe('__keyevent@0__:*');
  await Promise.all(range(200).map((at) => r.set(`k${at}`, 1, 'PX', 50)));
  await until(() => events.length === 600, 'all have expired');
  assert.equal(events.filter((event) => event.startsWith('expired ')).length, 200);
  await r.config('SET', 'notify-keyspace-events', '');
});

test('lists and streams feed many waiting clients, each item once', async () => {
  const ledger = new Ledger();
  const workers = range(10).map(() => connect());
  const popped = workers.map(async (client) => {
    for (;;) {
      const [, item] = await client.brpop('list:a', 'list:b', 'list:c', 0);
      if (item === 'end') return;
      ledger.note(item);
    }
  });
  for (const at of range(2000)) r.lpush(`list:${'abc'[at % 3]}`, `item:${at}`);
  await until(() => ledger.size === 2000, 'all are taken');
  await r.rpush('list:b', ...workers.map(() => 'end'));
  await Promise.all(popped);
  ledger.assertOnce(range(2000).map((at) => `item:${at}`));

  const entries = new Ledger();
  await r.xgroup('CREATE', 'log', 'g', '$', 'MKSTREAM');
  const read = workers.map(async (client, at) => {
    while (entries.size < 2000) {
      const found = await client.xreadgroup('GROUP', 'g', `c${at}`, 'COUNT', 10, 'BLOCK', 200, 'STREAMS', 'log', '>');
      for (const [id, [, value]] of found ? found[0][1] : []) {
        entries.note(value);
        await client.xack('log', 'g', id);
      }
    }
  });
  await Promise.all(range(2000).map((at) => r.xadd('log', '*', 'n', at)));
  await Promise.all(read);
  entries.assertOnce(range(2000).map(String));
  assert.equal((await r.xpending('log', 'g'))[0], 0);
});

test('scanStream sees each key, MONITOR each command', async () => {
  await Promise.all(range(3000).map((at) => r.set(`scan:${at}`, at)));
  const seen = new Set();
  for await (const keys of r.scanStream({ match: 'scan:*', count: 100 })) keys.forEach((key) => seen.add(key));
  assert.equal(seen.size, 3000);
  const monitor = await r.monitor();
  const lines = [];
  monitor.on('monitor', (_, args) => lines.push(args.join(' ')));
  for (const at of range(100)) await r.get(`scan:${at}`);
  await until(() => lines.filter((line) => line.startsWith('get scan:')).length === 100, 'all are shown');
  monitor.disconnect();
});

test('a client that is cut off comes back with its subscriptions', async () => {
  const subscriber = connect();
  const heard = [];
  subscriber.on('message', (_, text) => heard.push(text));
  subscriber.on('error', () => {});
  await subscriber.subscribe('still');
  const id = /id=(\d+)[^\n]* cmd=subscribe/.exec(await r.client('LIST', 'TYPE', 'pubsub'))[1];
  assert.equal(await r.client('KILL', 'ID', id), 1);
  await until(async () => (await r.publish('still', 'there')) === 1, 'it is back');
  await until(() => heard.length === 1, 'it hears');
});
