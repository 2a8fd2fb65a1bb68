'use strict';
// Bee-Queue over several queues: results by pub/sub, retries, delays, and jobs of workers that died.

const assert = require('node:assert/strict');
const { fork } = require('node:child_process');
const path = require('node:path');
const { test, afterEach } = require('node:test');
const Queue = require('bee-queue');
const { Ledger, port, range, until } = require('./harness');

const open = [];

function queueOf(name, options) {
  const queue = new Queue(name, { redis: { host: '127.0.0.1', port }, removeOnSuccess: false, ...options });
  queue.on('error', (error) => assert.fail(error));
  open.push(queue);
  return queue;
}

const producerOf = (name, options) => queueOf(name, { isWorker: false, ...options });
const workerOf = (name, options) => queueOf(name, { getEvents: false, ...options });

afterEach(async () => {
  await Promise.all(open.splice(0).map((queue) => queue.close(1000)));
});

// Bee-Queue knows a job's id only from the answer to its save(), which comes on another connection than the events: one
// that is done at once may be heard of before. So those with listeners of their own are saved before there is a worker.
test('jobs of four queues are each done once, and their producers hear the results', async () => {
  const ledger = new Ledger();
  const heardByJob = new Ledger();
  const heardByQueue = new Ledger();
  const names = ['addition', 'résumé', 'thumb-nails', 'audit log'];
  const early = range(500);
  const late = range(500).map((x) => 500 + x);
  for (const name of names) {
    const queue = producerOf(name);
    queue.on('job succeeded', (id, result) => heardByQueue.note(`${name}/${result / 2}`));
    await queue.ready();
    const jobs = early.map((x) => {
      const job = queue.createJob({ x });
      job.on('succeeded', (result) => heardByJob.note(`${name}/${result / 2}`));
      return job;
    });
    assert.equal((await queue.saveAll(jobs.slice(0, 250))).size, 0);
    await Promise.all(jobs.slice(250).map((job) => job.save()));
    for (let count = 0; count < 2; count++) {
      workerOf(name).process(10, async (job) => {
        ledger.note(`${name}/${job.data.x}`);
        return job.data.x * 2;
      });
    }
    const rest = late.map((x) => queue.createJob({ x }));
    assert.equal((await queue.saveAll(rest.slice(0, 250))).size, 0);
    await Promise.all(rest.slice(250).map((job) => job.save()));
  }
  await until(() => ledger.size === 4000 && heardByQueue.size === 4000, 'all are done and heard of');
  const jobsOf = (numbers) => names.flatMap((name) => numbers.map((x) => `${name}/${x}`));
  ledger.assertOnce(jobsOf([...early, ...late]));
  heardByQueue.assertOnce(jobsOf([...early, ...late]));
  heardByJob.assertOnce(jobsOf(early));
});

test('a failing job is tried again, at once or with backoff, and no more than it may', async () => {
  const attempts = new Ledger();
  const queue = producerOf('retry');
  workerOf('retry', { activateDelayedJobs: true, nearTermWindow: 200 }).process(20, async (job) => {
    attempts.note(job.data.number);
    if (job.data.number % 2 || attempts.times.get(job.data.number) < 3) throw new Error('not yet');
  });
  const backoffs = [['immediate'], ['fixed', 20], ['exponential', 10]];
  for (const number of range(300)) await queue.createJob({ number }).retries(2).backoff(...backoffs[number % 3]).save();
  await until(async () => {
    const health = await queue.checkHealth();
    return health.succeeded === 150 && health.failed === 150;
  }, 'all have ended');
  for (const number of range(300)) assert.equal(attempts.times.get(number), 3);
});

test('delayed jobs come not before their time and each once', async () => {
  const ledger = new Ledger();
  const early = [];
  const queue = producerOf('delayed');
  workerOf('delayed', { activateDelayedJobs: true }).process(20, async (job) => {
    ledger.note(job.data.number);
    if (Date.now() < job.data.due) early.push(job.id);
  });
  await Promise.all(
    range(500).map((number) => {
      const due = Date.now() + 100 + ((number * 13) % 1500);
      return queue.createJob({ number, due }).delayUntil(due).save();
    }),
  );
  await until(() => ledger.size === 500, 'all are done');
  ledger.assertOnce(range(500));
  assert.deepEqual(early, []);
});

test("a killed worker's jobs are found stalled and done by another one", async () => {
  const queue = producerOf('stalled', { stallInterval: 500 });
  await queue.saveAll(range(200).map((number) => queue.createJob({ number })));
  const child = fork(path.join(__dirname, 'bee_queue_worker.js'));
  await until(async () => (await queue.checkHealth()).active >= 20, 'the child has jobs');
  child.kill('SIGKILL');
  const ledger = new Ledger();
  const worker = workerOf('stalled', { stallInterval: 500 });
  worker.process(10, async (job) => ledger.note(job.data.number));
  await until(async () => {
    await worker.checkStalledJobs();
    return ledger.size === 200;
  }, 'all are done');
  ledger.assertOnce(range(200));
});

test('jobs are found, removed and listed', async () => {
  const queue = producerOf('listed');
  const jobs = range(100).map((number) => queue.createJob({ number }).setId(`job-${number}`));
  await queue.saveAll(jobs);
  assert.equal((await queue.createJob({ number: 0 }).setId('job-0').save()).id, null);
  assert.equal((await queue.getJobs('waiting', { start: 0, end: 200 })).length, 100);
  await Promise.all(range(50).map((number) => queue.removeJob(`job-${number}`)));
  assert.equal((await queue.checkHealth()).waiting, 50);
  assert.equal(await queue.getJob('job-3'), null);
  assert.equal((await queue.getJob('job-70')).data.number, 70);
  await queue.destroy();
  assert.equal((await queue.checkHealth()).waiting, 0);
});
