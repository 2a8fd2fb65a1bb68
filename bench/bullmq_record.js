'use strict';
// What BullMQ sends while jobs are added to queues and a worker takes and completes them, written down as it goes
// over the wire: node bullmq_record.js PORT QUEUES JOBS FOLDER. The same bytes do the same on an empty server again,
// as jobs are numbered from one, so that a load that is faster than Node.js can send them.

const fs = require('node:fs');
const path = require('node:path');
const Redis = require('ioredis');
const { Queue, Worker } = require('bullmq');
const scripts = require('bullmq/dist/cjs/scripts');

const [port, queues, jobs] = process.argv.slice(2, 5).map(Number);
const folder = process.argv[5];
const AT_ONCE = 10; // commands in a batch, as many as a worker of that concurrency has under way

function encode(parts) {
  const bulks = parts.flatMap((part) => {
    const bytes = Buffer.isBuffer(part) ? part : Buffer.from(String(part));
    return [Buffer.from(`$${bytes.length}\r\n`), bytes, Buffer.from('\r\n')];
  });
  return Buffer.concat([Buffer.from(`*${parts.length}\r\n`), ...bulks]);
}

// A connection that notes the scripts' calls. The first call of each is answered NOSCRIPT where its script has not
// been loaded, so all are.
async function recorder(taken) {
  const client = new Redis({ port, maxRetriesPerRequest: null });
  for (const script of Object.values(scripts)) await client.script('LOAD', script.content);
  const send = client.sendCommand.bind(client);
  client.sendCommand = (command, stream) => {
    if (command.name === 'evalsha') taken.push(encode([command.name, ...command.args]));
    return send(command, stream);
  };
  return client;
}

function write(name, commands) {
  const parts = [];
  for (let at = 0; at < commands.length; at += AT_ONCE) {
    const batch = commands.slice(at, at + AT_ONCE);
    const header = new Uint32Array([batch.reduce((sum, bytes) => sum + bytes.length, 0), batch.length]);
    parts.push(Buffer.from(header.buffer), ...batch);
  }
  fs.writeFileSync(path.join(folder, name), Buffer.concat(parts));
}

async function record(number) {
  const name = `queue-${number}`;
  const added = [];
  const queue = new Queue(name, { connection: await recorder(added) });
  for (let at = 0; at < jobs; at++) await queue.add('mail', { to: `user${at}@example.org`, subject: 'hello' });
  write(`add-${number}`, added);

  const taken = [];
  const connection = await recorder(taken);
  const worker = new Worker(name, null, { connection, autorun: false });
  let done = 0;
  for (let job = await worker.getNextJob('token'); job; done++) {
    const [data, id] = (await job.moveToCompleted({ sent: true }, 'token', true)) || [];
    job = data && worker.createJob(data, id);
  }
  if (done !== jobs) throw new Error(`${done} of ${jobs} jobs were done`);
  write(`take-${number}`, taken);
  return taken.length;
}

(async () => {
  for (let number = 0; number < queues; number++) await record(number);
  fs.writeFileSync(path.join(folder, 'scripts.json'), JSON.stringify(Object.values(scripts).map((script) => script.content)));
  process.exit(0);
})().catch((error) => {
  console.error(error);
  process.exit(1);
});
