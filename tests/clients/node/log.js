// The whole log, each record proved to be the next link of the chain.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';

import { call, decode } from './contracts.js';

const CREATED = 'cqrs.shop.v1.OrderCreated';

// What is known of the log up to a position.
class Fold {
  position = 0n;
  orders = 0n;

  // Begins before the first record, with the genesis of the epoch's chain.
  constructor(epoch) {
    this.epoch = epoch;
    this.chain = createHash('sha256').update(Buffer.from(epoch.replaceAll('-', ''), 'hex')).digest();
  }

  // Folds the next record in, after proving that it is the next one.
  add({ epoch, position, record, chain }) {
    assert.equal(epoch, this.epoch);
    assert.equal(position, this.position + 1n);
    const bytes = Buffer.alloc(8);
    bytes.writeBigUInt64BE(position);
    this.chain = createHash('sha256').update(this.chain).update(bytes).update(record).digest();
    assert.deepEqual(chain, this.chain, `the chain at ${position}`);
    this.position = position;
    const { type, stream, data } = decode('cqrs.log.v1.Record', record);
    if (type === CREATED) {
      this.orders += 1n;
      assert.equal(stream, `shop.order-${decode(CREATED, data).orderId}`);
    }
  }
}

// Reads the whole log, proves its chain up to the head, and returns what is known of it at a position.
export async function readLog(client, until) {
  const head = await call(client, 'GetHead', {});
  const read = new Fold(head.token.epoch);
  let found;
  let atHead;
  for await (const next of client.ReadLog({ stopAtHead: true })) {
    read.add(next);
    if (read.position === until) found = { ...read };
    if (read.position === head.token.position) atHead = read.chain;
  }
  assert.ok(found, `the log ended at ${read.position}, before ${until}`);
  assert.deepEqual(atHead, head.chain, 'the chain at the head');
  return found;
}
