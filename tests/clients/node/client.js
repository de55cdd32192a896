// A client of Obverse in Node.js that knows its contracts alone: it orders, reads what it ordered, and proves the log.
//
// OBVERSE_COMMAND_ADDRESS and OBVERSE_QUERY_ADDRESS say where the servers are, OBVERSE_SERVICE_CONFIG names
// docs/service-config.json. Anything unexpected ends it with 1.
import assert from 'node:assert/strict';
import process from 'node:process';

import { connect } from './contracts.js';
import { readLog } from './log.js';
import { Shop } from './shop.js';

async function run() {
  const { OBVERSE_COMMAND_ADDRESS: commandAddress, OBVERSE_QUERY_ADDRESS: queryAddress } = process.env;
  const shop = new Shop(
    connect('cqrs.shop.v1.OrderCommandService', commandAddress),
    connect('cqrs.shop.v1.OrderQueryService', queryAddress),
  );
  const last = await shop.order();
  const { orders, asOf } = await shop.countOrders(last);
  const read = await readLog(connect('cqrs.log.v1.LogService', commandAddress), asOf);
  assert.equal(read.orders, orders, 'orders in the log and in the list');
  return `client: language=node orders=${orders} chain=ok`;
}

try {
  console.log(await run());
  process.exit(0);
} catch (error) {
  console.error('client: language=node:', error);
  process.exit(1);
}
