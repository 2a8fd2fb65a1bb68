'use strict';
// A worker that takes fifty jobs and never ends one, to be killed.

const { Worker } = require('bullmq');
const { connection } = require('./harness');

new Worker(process.argv[2], () => new Promise(() => {}), { connection, concurrency: 50, lockDuration: 1000, stalledInterval: 300 });
