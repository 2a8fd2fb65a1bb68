'use strict';
// Bull, which BullMQ came from and which many still run: its scripts, its pub/sub events, delays, retries and repeats.

const assert = require('node:assert/strict');
const { test, afterEach } = require('node:test');
const Queue = require('bull');
const { Ledger, port, range, sleep, until } = require('./harness');

const open = [];

function queueOf(name, options) {
  const queue = new Queue(name, { redis: { host: '127.0.0.1', port }, ...options });
  queue.on('error', (error) => assert.fail(error));
  open.push(queue);
  return queue;
}

afterEach(() => Promise.all(open.splice(0).map((queue) => queue.close())));

test('jobs of four queues are each done once, and their ends are heard by all', async () => {
  const ledger = new Ledger();
  const heard = new Ledger();
  const expected = [];
  for (const name of ['old-mail', 'old-images', 'old-reports', 'old-billing']) {
    const listener = queueOf(name);
    await listener.isReady();
    listener.on('global:completed', (id) => heard.note(`${name}/${id}`));
    await listener.count();
    const queue = queueOf(name);
    queue.process(20, async (job) => ledger.note(`${name}/${job.data.number}`));
    await queue.addBulk(range(500).map((number) => ({ data: { number } })));
    await Promise.all(range(500).map((number) => queue.add({ number: 500 + number })));
    expected.push(...range(1000).map((number) => `${name}/${number}`));
  }
  await until(() => ledger.size === 4000 && heard.size === 4000, 'all are done and heard of');
  ledger.assertOnce(expected);
  assert.ok([...heard.times.values()].every((times) => times === 1));
});

test('delays, priorities, retries and limits', async () => {
  const delayed = queueOf('old-delayed');
  const ledger = new Ledger();
  const early = [];
  delayed.process(20, async (job) => {
    ledger.note(job.data.number);
    if (Date.now() < job.timestamp + job.opts.delay) early.push(job.id);
    if (job.attemptsMade < 1) throw new Error('not yet');
  });
  const later = (number) => ({ data: { number }, opts: { delay: (number * 7) % 1000, attempts: 2, backoff: 20 } });
  await delayed.addBulk(range(500).map(later));
  await until(async () => (await delayed.getCompletedCount()) === 500, 'all are completed');
  for (const number of range(500)) assert.equal(ledger.times.get(number), 2);
  assert.deepEqual(early, []);

  const sorted = queueOf('old-priority');
  const priorities = range(500).map((number) => 1 + ((number * 37) % 10));
  await sorted.addBulk(priorities.map((priority) => ({ data: { priority }, opts: { priority } })));
  const seen = [];
  sorted.process(async (job) => seen.push(job.data.priority));
  await until(() => seen.length === 500, 'all are done');
  assert.deepEqual(seen, [...priorities].sort((a, b) => a - b));

  const limited = queueOf('old-limited', { limiter: { max: 100, duration: 200 } });
  await limited.addBulk(range(500).map((number) => ({ data: { number } })));
  const done = new Ledger();
  const begin = Date.now();
  limited.process(async (job) => done.note(job.data.number));
  await until(() => done.size === 500, 'all are done');
  done.assertOnce(range(500));
  assert.ok(Date.now() - begin >= 700, 'the limit held');
});

test('repeats, pauses and removals', async () => {
  const queue = queueOf('old-repeat');
  const ids = [];
  queue.process('tick', async (job) => ids.push(job.id));
  await queue.add('tick', {}, { repeat: { every: 50 } });
  await until(() => ids.length >= 20, 'it repeats');
  assert.equal(new Set(ids).size, ids.length);
  await queue.removeRepeatable('tick', { every: 50 });
  await queue.pause();
  await queue.addBulk(range(300).map(() => ({ name: 'tick', data: {}, opts: { removeOnComplete: true } })));
  const before = ids.length;
  await sleep(100);
  assert.ok(ids.length <= before + 1);
  await queue.resume();
  await until(async () => (await queue.getWaitingCount()) + (await queue.getActiveCount()) === 0, 'the rest is done');
  assert.ok((await queue.clean(0, 'completed')).length >= 20);
  await queue.obliterate({ force: true });
  assert.equal(await queue.count(), 0);
});
