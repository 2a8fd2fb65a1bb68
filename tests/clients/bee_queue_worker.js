'use strict';
// A worker that takes twenty jobs and never ends one, to be killed.

const Queue = require('bee-queue');
const { port } = require('./harness');

new Queue('stalled', { redis: { host: '127.0.0.1', port }, stallInterval: 500 }).process(20, () => new Promise(() => {}));
