'use strict';
// What the Node.js tests share: where the server is, who has done which job, and waiting for what is to come.

const assert = require('node:assert/strict');
const events = require('node:events');

// Many queues share a connection here, and each listens to it.
events.defaultMaxListeners = 0;

const port = Number(process.env.SHOAL_PORT);
const connection = { host: '127.0.0.1', port, maxRetriesPerRequest: null };

// How often each job was done, by a name of its own.
class Ledger {
  constructor() {
    this.times = new Map();
  }

  note(job) {
    this.times.set(job, (this.times.get(job) || 0) + 1);
  }

  get size() {
    return this.times.size;
  }

  // Neither a job of `expected` that was not done once, nor any other.
  assertOnce(expected) {
    const missing = expected.filter((job) => !this.times.has(job));
    const repeated = [...this.times].filter(([, times]) => times !== 1);
    assert.deepEqual({ missing: missing.slice(0, 5), repeated: repeated.slice(0, 5) }, { missing: [], repeated: [] });
    assert.equal(this.times.size, expected.length);
  }
}

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

// The first true result of `condition`, which may be a promise's.
async function until(condition, what, seconds = 60) {
  const deadline = Date.now() + seconds * 1000;
  for (;;) {
    const result = await condition();
    if (result) return result;
    assert.ok(Date.now() < deadline, `${what}: not after ${seconds} s`);
    await sleep(5);
  }
}

const range = (count) => Array.from({ length: count }, (_, at) => at);

module.exports = { Ledger, connection, port, range, sleep, until };
