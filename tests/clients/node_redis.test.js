'use strict';
// node-redis in both protocols: pools, transactions, functions, pub/sub (sharded too) and client-side caching.

const assert = require('node:assert/strict');
const { test, after, beforeEach } = require('node:test');
const { createClient, createClientPool, BasicClientSideCache, WatchError } = require('redis');
const { port, range, until } = require('./harness');

const clients = [];

async function connect(options) {
  const client = createClient({ socket: { host: '127.0.0.1', port }, ...options });
  client.on('error', (error) => assert.fail(error));
  clients.push(client);
  return client.connect();
}

let r;
beforeEach(async () => {
  r = r || (await connect());
  await r.flushAll();
});
after(() => clients.forEach((client) => client.destroy()));

for (const RESP of [2, 3]) {
  test(`types come as they are meant in RESP${RESP}`, async () => {
    const client = await connect({ RESP });
    await client.hSet('h', { a: 1, b: 'two' });
    assert.deepEqual({ ...(await client.hGetAll('h')) }, { a: '1', b: 'two' });
    await client.zAdd('z', range(10).map((at) => ({ score: at / 2, value: `m${at}` })));
    assert.deepEqual(await client.zRangeWithScores('z', 0, 1), [{ value: 'm0', score: 0 }, { value: 'm1', score: 0.5 }]);
    await client.sAdd('s', ['x', 'y']);
    assert.deepEqual([...(await client.sMembers('s'))].sort(), ['x', 'y']);
    assert.equal(await client.zScore('z', 'm3'), 1.5);
    const [first, second] = await client.multi().hGetAll('h').zScore('z', 'm5').exec();
    assert.deepEqual([{ ...first }, second], [{ a: '1', b: 'two' }, 2.5]);
    assert.deepEqual(await client.eval('return {1, 2, {3, "x"}, false}'), [1, 2, [3, 'x'], null]);
  });

  test(`subscriptions, by pattern and sharded, each message once in RESP${RESP}`, async () => {
    const subscriber = await connect({ RESP });
    const heard = [];
    await subscriber.subscribe(['a', 'b'], (text, channel) => heard.push(`${channel} ${text}`));
    await subscriber.pSubscribe('[ab]*', (text, channel) => heard.push(`p ${channel} ${text}`));
    await subscriber.sSubscribe('s', (text, channel) => heard.push(`s ${channel} ${text}`));
    for (const at of range(300)) {
      assert.equal(await r.publish(at % 2 ? 'a' : 'b', String(at)), 2);
      assert.equal(await r.sPublish('s', String(at)), 1);
    }
    await until(() => heard.length === 900, 'all are heard');
    assert.deepEqual(heard.filter((line) => line.startsWith('s ')), range(300).map((at) => `s s ${at}`));
    assert.deepEqual(heard.filter((line) => /^p /.test(line)).map((line) => line.split(' ')[2]), range(300).map(String));
    await subscriber.unsubscribe();
    await subscriber.pUnsubscribe();
    await subscriber.sUnsubscribe();
    assert.equal(await r.publish('a', 'x'), 0);
    assert.deepEqual(await r.pubSubChannels(), []);
  });
}

test('transactions by a pool, watched keys over several shards', async () => {
  const pool = createClientPool({ socket: { host: '127.0.0.1', port } }, { minimum: 5, maximum: 10, acquireTimeout: 60000 });
  clients.push(pool);
  await pool.connect();
  let conflicts = 0;
  const add = (at) =>
    pool.execute(async (client) => {
      for (;;) {
        await client.watch(['left', 'right']);
        const [left, right] = await client.mGet(['left', 'right']);
        try {
          return await client.multi().set('left', Number(left) + 1).set('right', Number(right) + 2).exec();
        } catch (error) {
          if (!(error instanceof WatchError)) throw error;
          conflicts++;
        }
      }
    });
  await Promise.all(range(500).map(add));
  assert.deepEqual(await r.mGet(['left', 'right']), ['500', '1000']);
  assert.ok(conflicts > 0);
});

test('functions are loaded, called and listed', async () => {
  const code = `#!lua name=shop
    redis.register_function('sell', function(keys, args)
      if redis.call('DECRBY', keys[1], args[1]) < 0 then
        redis.call('INCRBY', keys[1], args[1])
        return redis.error_reply('NOSTOCK none left')
      end
      return redis.call('RPUSH', keys[2], args[1])
    end)
    redis.register_function{function_name='stock', callback=function(keys) return redis.call('GET', keys[1]) end, flags={'no-writes'}}`;
  assert.equal(await r.functionLoad(code, { REPLACE: true }), 'shop');
  await r.set('stock', 1000);
  const sales = await Promise.allSettled(range(1200).map(() => r.fCall('sell', { keys: ['stock', 'sold'], arguments: ['1'] })));
  assert.equal(sales.filter((sale) => sale.status === 'fulfilled').length, 1000);
  assert.match(sales.at(-1).reason.message, /^NOSTOCK/);
  assert.equal(await r.fCallRo('stock', { keys: ['stock'] }), '0');
  assert.equal(await r.lLen('sold'), 1000);
  assert.ok((await r.functionDump()).length > 50);
  assert.deepEqual((await r.functionList())[0].functions.map((entry) => entry.name).sort(), ['sell', 'stock']);
  assert.equal(await r.functionDelete('shop'), 'OK');
  await assert.rejects(r.fCall('sell', { keys: ['stock', 'sold'], arguments: ['1'] }), /Function not found/);
});

test('what is cached on the client is never older than what it has seen of the server', async () => {
  const cache = new BasicClientSideCache({ maxEntries: 1000 });
  const cached = await connect({ RESP: 3, clientSideCache: cache });
  for (const round of range(20)) {
    await Promise.all(range(50).map((at) => r.set(`cached:${at}`, `${round}/${at}`)));
    await until(async () => (await cached.get('cached:0')) === `${round}/0`, 'the first is seen', 5);
    const values = () => Promise.all(range(50).map((at) => cached.get(`cached:${at}`)));
    await until(async () => (await values()).every((value, at) => value === `${round}/${at}`), 'all are seen', 5);
    await values();
  }
  assert.ok(cache.stats().hitCount >= 20 * 50);
});

test('iterators see each key and field', async () => {
  await r.mSet(range(2000).map((at) => [`scan:${at}`, String(at)]));
  const seen = new Set();
  for await (const keys of r.scanIterator({ MATCH: 'scan:*', COUNT: 50 })) keys.forEach((key) => seen.add(key));
  assert.equal(seen.size, 2000);
  await r.hSet('h', Object.fromEntries(range(1000).map((at) => [`f${at}`, at])));
  let fields = 0;
  for await (const entries of r.hScanIterator('h')) fields += entries.length;
  assert.equal(fields, 1000);
});
