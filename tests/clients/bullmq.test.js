'use strict';
// BullMQ over eight queues with names as applications give them, with either of its drivers (BULLMQ_DRIVER).

const assert = require('node:assert/strict');
const { fork } = require('node:child_process');
const path = require('node:path');
const { test, after, afterEach } = require('node:test');
const { FlowProducer, Queue, QueueEvents, Worker, UnrecoverableError } = require('bullmq');
const { Ledger, connection, port, range, sleep, until } = require('./harness');

const QUEUES = ['mail', 'images', 'reports', 'billing', 'video.transcode', 'webhooks', 'search-index', 'näme with space'];
const open = [];
const drivers = [];
let nextQueue = 0;

function driver() {
  if (process.env.BULLMQ_DRIVER !== 'redis') return connection;
  const client = require('redis').createClient({ socket: { host: '127.0.0.1', port } });
  client.on('error', (error) => drivers.push(error));
  return client;
}

function opened(thing) {
  thing.on('error', (error) => assert.fail(error));
  open.push(thing);
  return thing;
}

const shared = driver();
if (shared !== connection) shared.connect();
const queueOf = (name, options) => opened(new Queue(name, { connection: shared, ...options }));
const workerOf = (name, work, options) => opened(new Worker(name, work, { connection: shared, ...options }));
const eventsOf = (name) => opened(new QueueEvents(name, { connection: shared, lastEventId: '0' }));
// A queue that no other test has used.
const freshName = (what) => `${what}-${++nextQueue}`;

afterEach(async () => {
  await Promise.all(open.splice(0).reverse().map((thing) => thing.close()));
  assert.deepEqual(drivers, []);
});

after(() => {
  if (shared !== connection) shared.destroy();
});

async function assertCounts(queue, expected) {
  const counts = await queue.getJobCounts();
  const present = Object.fromEntries(Object.entries(counts).filter(([, count]) => count !== 0));
  assert.deepEqual(present, expected);
}

test('jobs of eight queues are each done once, in bulk and one by one', async () => {
  const ledger = new Ledger();
  const queues = QUEUES.map((name) => queueOf(name));
  const expected = [];
  await Promise.all(
    queues.map(async (queue, at) => {
      const jobs = range(500).map((number) => ({ name: 'work', data: { job: `${at}/${number}` } }));
      expected.push(...jobs.map((job) => job.data.job));
      await queue.addBulk(jobs.slice(0, 250));
      await Promise.all(jobs.slice(250).map((job) => queue.add(job.name, job.data)));
    }),
  );
  for (const name of QUEUES) {
    const work = async (job) => {
      ledger.note(job.data.job);
      return job.data.job;
    };
    workerOf(name, work, { concurrency: 20 });
    workerOf(name, work, { concurrency: 20 });
  }
  await until(async () => (await Promise.all(queues.map((q) => q.getCompletedCount()))).every((n) => n === 500), 'done');
  ledger.assertOnce(expected);
  for (const queue of queues) {
    await assertCounts(queue, { completed: 500 });
    const [job] = await queue.getCompleted(0, 0);
    assert.equal(job.returnvalue, job.data.job);
  }
});

test('jobs that are added while workers take them are each done once, in order by a worker of one at a time', async () => {
  const name = freshName('fifo');
  const queue = queueOf(name);
  const seen = [];
  workerOf(name, async (job) => seen.push(job.data.number));
  for (const number of range(1000)) await queue.add('work', { number });
  await until(() => seen.length >= 1000, 'all are done');
  assert.deepEqual(seen, range(1000));
});

test('delayed jobs come not before their time and each once', async () => {
  const name = freshName('delayed');
  const queue = queueOf(name);
  const ledger = new Ledger();
  const early = [];
  const jobs = range(1000).map((number) => ({ name: 'later', data: { number }, opts: { delay: 50 + (number * 7) % 1500 } }));
  workerOf(
    name,
    async (job) => {
      ledger.note(job.data.number);
      if (Date.now() < job.timestamp + job.opts.delay) early.push(job.id);
    },
    { concurrency: 50 },
  );
  await queue.addBulk(jobs);
  await until(() => ledger.size === 1000, 'all are done');
  await until(async () => (await queue.getCompletedCount()) === 1000, 'all are completed');
  ledger.assertOnce(range(1000));
  assert.deepEqual(early, []);
  await assertCounts(queue, { completed: 1000 });
});

test('a failing job is tried again with backoff, and no more than its attempts', async () => {
  const name = freshName('retry');
  const queue = queueOf(name);
  const attempts = new Ledger();
  workerOf(
    name,
    async (job) => {
      attempts.note(job.data.number);
      if (job.data.number % 10 === 9) throw new UnrecoverableError('never');
      if (job.data.number % 2 === 0 || job.attemptsMade < 2) throw new Error('not yet');
    },
    { concurrency: 50 },
  );
  const backoffs = [undefined, 20, { type: 'exponential', delay: 10 }];
  await queue.addBulk(
    range(600).map((number) => ({ name: 'fails', data: { number }, opts: { attempts: 3, backoff: backoffs[number % 3] } })),
  );
  await until(async () => (await queue.getFailedCount()) + (await queue.getCompletedCount()) === 600, 'all have ended');
  for (const number of range(600)) assert.equal(attempts.times.get(number), number % 10 === 9 ? 1 : 3, `job ${number}`);
  await assertCounts(queue, { completed: 240, failed: 360 });
  await queue.retryJobs({ state: 'failed', count: 100 });
  await until(async () => (await queue.getFailedCount()) === 360, 'they have failed again');
});

test('priorities are kept, LIFO jobs come last first', async () => {
  const name = freshName('priority');
  const queue = queueOf(name);
  const priorities = range(1000).map((number) => 1 + ((number * 37) % 50));
  await Promise.all(priorities.map((priority, number) => queue.add('work', { number, priority }, { priority })));
  assert.equal((await queue.getCountsPerPriority([1]))[1], 20);
  const seen = [];
  const worker = workerOf(name, async (job) => seen.push(job.data.priority));
  await until(() => seen.length === 1000, 'all are done');
  assert.deepEqual(seen, [...priorities].sort((a, b) => a - b));
  await until(async () => (await queue.getCompletedCount()) === 1000, 'all are completed');
  await worker.pause();
  await queue.addBulk(range(100).map((number) => ({ name: 'work', data: { priority: number }, opts: { lifo: true } })));
  seen.length = 0;
  worker.resume();
  await until(() => seen.length === 100, 'the last are done');
  assert.deepEqual(seen, range(100).reverse());
});

test('a rate limit holds over several workers', async () => {
  const name = freshName('limited');
  const queue = queueOf(name);
  const ledger = new Ledger();
  const times = [];
  const work = async (job) => {
    ledger.note(job.data.number);
    times.push(Date.now());
  };
  await queue.addBulk(range(500).map((number) => ({ name: 'work', data: { number } })));
  for (let count = 0; count < 3; count++) workerOf(name, work, { concurrency: 10, limiter: { max: 50, duration: 200 } });
  await until(() => ledger.size === 500, 'all are done');
  ledger.assertOnce(range(500));
  times.sort((a, b) => a - b);
  // Windows of 200 ms begin with a window's first job, so 101 jobs reach into a third window at least.
  for (let at = 0; at + 101 < times.length; at++) assert.ok(times[at + 101] - times[at] >= 190, `jobs ${at} to ${at + 101}`);
});

test('flows: parents wait for children in other queues and get their results', async () => {
  const [orders, items, parts] = ['orders', 'items', 'parts'].map(freshName);
  const flows = opened(new FlowProducer({ connection: shared }));
  const queues = [orders, items, parts].map((name) => queueOf(name));
  const ledger = new Ledger();
  const wrong = [];
  const done = async (job) => ledger.note(`${job.queueName} ${job.data.number}`);
  workerOf(parts, async (job) => done(job).then(() => 1), { concurrency: 20 });
  workerOf(
    items,
    async (job) => {
      await done(job);
      const values = Object.values(await job.getChildrenValues());
      if (values.length !== 2 || values.some((value) => value !== 1)) wrong.push(job.id);
      return values.length;
    },
    { concurrency: 20 },
  );
  workerOf(
    orders,
    async (job) => {
      await done(job);
      const values = Object.values(await job.getChildrenValues());
      if (values.length !== 3 || values.some((value) => value !== 2)) wrong.push(job.id);
    },
    { concurrency: 20 },
  );
  const leaf = (number) => ({ name: 'part', queueName: parts, data: { number } });
  const item = (number) => ({ name: 'item', queueName: items, data: { number }, children: [leaf(2 * number), leaf(2 * number + 1)] });
  const trees = range(200).map((number) => ({
    name: 'order',
    queueName: orders,
    data: { number },
    children: [0, 1, 2].map((at) => item(3 * number + at)),
  }));
  await flows.addBulk(trees.slice(0, 100));
  await Promise.all(trees.slice(100).map((tree) => flows.add(tree)));
  await until(async () => (await queues[0].getCompletedCount()) === 200, 'all orders are done');
  const all = (name, count) => range(count).map((number) => `${name} ${number}`);
  ledger.assertOnce([...all(orders, 200), ...all(items, 600), ...all(parts, 1200)]);
  assert.deepEqual(wrong, []);
});

test("a child's failure fails its parent where it is to, and is passed over where it may be", async () => {
  const [parents, children] = ['parents', 'children'].map(freshName);
  const flows = opened(new FlowProducer({ connection: shared }));
  const queue = queueOf(parents);
  const ledger = new Ledger();
  workerOf(children, async (job) => Promise.reject(new Error(`child ${job.data.number}`)), { concurrency: 10 });
  workerOf(parents, async (job) => ledger.note(job.data.number), { concurrency: 10 });
  const options = [{ failParentOnFailure: true }, { ignoreDependencyOnFailure: true }, { removeDependencyOnFailure: true }];
  const tree = (number) => ({
    name: 'parent',
    queueName: parents,
    data: { number },
    children: [{ name: 'child', queueName: children, data: { number }, opts: options[number % 3] }],
  });
  await Promise.all(range(300).map((number) => flows.add(tree(number))));
  await until(async () => (await queue.getCompletedCount()) + (await queue.getFailedCount()) === 300, 'all have ended');
  ledger.assertOnce(range(300).filter((number) => number % 3 !== 0));
  await assertCounts(queue, { completed: 200, failed: 100 });
});

test('a step job adds children and waits for them', async () => {
  const [parents, children] = ['steps', 'chunks'].map(freshName);
  const flows = opened(new FlowProducer({ connection: shared }));
  const queue = queueOf(parents);
  queueOf(children);
  const { WaitingChildrenError } = require('bullmq');
  const finished = new Ledger();
  workerOf(children, async (job) => job.data.value * 2, { concurrency: 20 });
  workerOf(
    parents,
    async (job, token) => {
      if (job.data.step === 'sum') {
        finished.note(job.data.number);
        return Object.values(await job.getChildrenValues()).reduce((sum, value) => sum + value, 0);
      }
      for (const value of [1, 2, 3]) {
        await flows.add({
          name: 'chunk',
          queueName: children,
          data: { value },
          opts: { parent: { id: job.id, queue: job.queueQualifiedName } },
        });
      }
      await job.updateData({ ...job.data, step: 'sum' });
      if (await job.moveToWaitingChildren(token)) throw new WaitingChildrenError();
      finished.note(job.data.number);
      return 12;
    },
    { concurrency: 10 },
  );
  await queue.addBulk(range(200).map((number) => ({ name: 'step', data: { number } })));
  await until(async () => (await queue.getCompletedCount()) === 200, 'all have ended');
  finished.assertOnce(range(200));
  for (const job of await queue.getCompleted()) assert.equal(job.returnvalue, 12);
});

test("a killed worker's jobs are found stalled and done by another one", async () => {
  const name = freshName('stalled');
  const queue = queueOf(name);
  await queue.addBulk(range(300).map((number) => ({ name: 'work', data: { number } })));
  const child = fork(path.join(__dirname, 'bullmq_worker.js'), [name]);
  await until(async () => (await queue.getActiveCount()) >= 50, 'the child has jobs');
  child.kill('SIGKILL');
  const ledger = new Ledger();
  const stalled = new Ledger();
  const worker = workerOf(name, async (job) => ledger.note(job.data.number), { concurrency: 20, stalledInterval: 300, maxStalledCount: 1 });
  worker.on('stalled', (id) => stalled.note(id));
  await until(async () => (await queue.getCompletedCount()) === 300, 'all are done');
  ledger.assertOnce(range(300));
  assert.equal(stalled.size, 50);
  await assertCounts(queue, { completed: 300 });
});

test('job schedulers repeat by interval and by pattern, and stop when they are removed', async () => {
  const name = freshName('schedule');
  const queue = queueOf(name);
  const runs = { often: [], second: [], limited: [] };
  workerOf(name, async (job) => runs[job.name].push(job.id), { concurrency: 10 });
  await queue.upsertJobScheduler('often', { every: 50 }, { name: 'often' });
  await queue.upsertJobScheduler('second', { pattern: '* * * * * *' }, { name: 'second' });
  await queue.upsertJobScheduler('limited', { every: 40, limit: 10 }, { name: 'limited' });
  assert.equal((await queue.getJobSchedulers()).length, 3);
  await until(() => runs.often.length >= 40 && runs.second.length >= 3 && runs.limited.length >= 10, 'they repeat');
  for (const id of ['often', 'second']) assert.equal(await queue.removeJobScheduler(id), true);
  await queue.removeJobScheduler('limited');
  await sleep(200);
  const counts = [runs.often.length, runs.second.length];
  await sleep(1300);
  assert.deepEqual([runs.often.length, runs.second.length], counts);
  assert.equal(runs.limited.length, 10);
  for (const times of Object.values(runs)) assert.equal(new Set(times).size, times.length, 'no time comes twice');
  assert.equal((await queue.getJobSchedulers()).length, 0);
});

test('queue events tell everything once and in order, and a job can be waited for', async () => {
  const name = freshName('events');
  const queue = queueOf(name);
  const events = eventsOf(name);
  await events.waitUntilReady();
  const told = new Map();
  const heard = (event) => ({ jobId }) => told.set(jobId, [...(told.get(jobId) || []), event]);
  for (const event of ['waiting', 'active', 'progress', 'completed', 'failed']) events.on(event, heard(event));
  workerOf(
    name,
    async (job) => {
      await job.updateProgress(50);
      await job.log(`job ${job.id}`);
      if (job.data.number % 4 === 0) throw new Error('fourth');
      return job.data.number;
    },
    { concurrency: 20 },
  );
  const jobs = await queue.addBulk(range(1000).map((number) => ({ name: 'work', data: { number } })));
  const results = await Promise.allSettled(jobs.map((job) => job.waitUntilFinished(events, 60000)));
  results.forEach((result, number) => {
    if (number % 4 === 0) assert.equal(result.reason.message, 'fourth');
    else assert.equal(result.value, number);
  });
  await until(() => [...told.values()].filter((list) => list.length === 4).length === 1000, 'all events have come');
  for (const [id, list] of told) assert.deepEqual(list, ['waiting', 'active', 'progress', id % 4 === 1 ? 'failed' : 'completed']);
  assert.deepEqual((await queue.getJobLogs(jobs[7].id)).logs, [`job ${jobs[7].id}`]);
});

test('no job is taken while a queue is paused, and all are once it is resumed', async () => {
  const name = freshName('paused');
  const queue = queueOf(name);
  const ledger = new Ledger();
  workerOf(name, async (job) => ledger.note(job.data.number), { concurrency: 20 });
  for (let round = 0; round < 5; round++) {
    await queue.pause();
    await until(async () => (await queue.getActiveCount()) === 0, 'what was taken is done');
    const before = ledger.size;
    await queue.addBulk(range(200).map((at) => ({ name: 'work', data: { number: round * 200 + at } })));
    await sleep(100);
    assert.equal(ledger.size, before);
    await queue.resume();
    await until(() => ledger.size === before + 200, 'the rest is done');
  }
  ledger.assertOnce(range(1000));
});

test('finished jobs are removed or kept as they are told, and cleaned and drained', async () => {
  const name = freshName('remove');
  const queue = queueOf(name);
  const ledger = new Ledger();
  const work = async (job) => {
    ledger.note(job.data.number);
    if (job.data.fail) throw new Error('told to');
  };
  const add = (count, opts, more) => {
    const begin = ledger.size;
    return queue.addBulk(range(count).map((at) => ({ name: 'work', data: { number: begin + at, ...more }, opts })));
  };
  workerOf(name, work, { concurrency: 20 });
  await add(500, { removeOnComplete: true });
  await until(() => ledger.size === 500, 'the first are done');
  await until(async () => (await queue.getJobCountByTypes()) === 0, 'they are gone');
  await add(500, { removeOnComplete: { count: 30 }, removeOnFail: 20 }, { fail: true });
  await until(() => ledger.size === 1000, 'the second have failed');
  await until(async () => (await queue.getActiveCount()) + (await queue.getWaitingCount()) === 0, 'none is left');
  await assertCounts(queue, { failed: 20 });
  await add(300, {});
  await until(async () => (await queue.getCompletedCount()) === 300, 'the third are done');
  assert.equal((await queue.clean(0, 100, 'completed')).length, 100);
  await queue.pause();
  await add(300, {});
  await add(100, { delay: 100000 });
  await queue.drain(true);
  await queue.obliterate({ force: true });
  await assertCounts(queue, {});
});

test('a job with an id or a deduplication id is there once', async () => {
  const name = freshName('unique');
  const queue = queueOf(name);
  await Promise.all(range(1000).map((number) => queue.add('work', { number }, { jobId: `job-${number % 100}` })));
  assert.equal(await queue.getWaitingCount(), 100);
  await Promise.all(range(1000).map((number) => queue.add('work', { number }, { deduplication: { id: `same-${number % 50}` } })));
  assert.equal(await queue.getWaitingCount(), 150);
  const ledger = new Ledger();
  workerOf(name, async (job) => ledger.note(job.id), { concurrency: 10 });
  await until(async () => (await queue.getCompletedCount()) === 150, 'they are done');
  assert.ok([...ledger.times.values()].every((times) => times === 1));
});

test('a queue-wide concurrency holds over several workers', async () => {
  const name = freshName('concurrency');
  const queue = queueOf(name);
  await queue.setGlobalConcurrency(4);
  const ledger = new Ledger();
  let running = 0;
  let most = 0;
  const work = async (job) => {
    most = Math.max(most, ++running);
    await sleep(1);
    running--;
    ledger.note(job.data.number);
  };
  await queue.addBulk(range(500).map((number) => ({ name: 'work', data: { number } })));
  for (let count = 0; count < 3; count++) workerOf(name, work, { concurrency: 5 });
  await until(() => ledger.size === 500, 'all are done');
  ledger.assertOnce(range(500));
  assert.equal(most, 4);
});

test('a relay brings each message once, and in order, to the patterns that it is for', async () => {
  const { Relay } = require('bullmq');
  const nodes = range(3).map(() => opened(new Relay({ connection: shared })));
  await Promise.all(nodes.map((node) => node.waitUntilReady()));
  const heard = nodes.map(() => []);
  await Promise.all(nodes.map((node, at) => node.subscribe(['news.*', 'news.1', '>'][at], (message) => heard[at].push(message))));
  for (let number = 0; number < 500; number += 10) {
    await Promise.all(range(10).map((at) => nodes[at % 3].publish(`news.${at % 4}`, number + at)));
  }
  await until(() => heard[0].length === 500 && heard[2].length === 500, 'all are heard');
  await until(() => heard[1].length === 150, 'those of one topic are heard');
  for (const messages of heard) {
    const ids = messages.map((message) => message.mid);
    assert.equal(new Set(ids).size, ids.length);
    assert.deepEqual(ids, [...ids].sort((a, b) => a.length - b.length || (a < b ? -1 : 1)));
  }
});
