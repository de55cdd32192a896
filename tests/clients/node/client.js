// A client of Obverse in Node.js that knows its contracts alone: it orders, reads what it ordered, follows
// asynchronous commands to their end, and proves the log.
//
// OBVERSE_COMMAND_ADDRESS and OBVERSE_QUERY_ADDRESS say where the servers are, OBVERSE_SERVICE_CONFIG names
// docs/service-config.json. Anything unexpected ends it with 1.
import assert from 'node:assert/strict';
import process from 'node:process';

import { connect } from './contracts.js';
import { readLog } from './log.js';
import { Placing } from './placing.js';
import { Shop } from './shop.js';

async function run() {
  const { OBVERSE_COMMAND_ADDRESS: commandAddress, OBVERSE_QUERY_ADDRESS: queryAddress } = process.env;
  const commands = connect('cqrs.shop.v1.OrderCommandService', commandAddress);
  const queries = connect('cqrs.shop.v1.OrderQueryService', queryAddress);
  const placing = new Placing(commands, queries, connect('cqrs.admin.v1.CommandQueryService', queryAddress));
  const shop = new Shop(commands, queries);
  const { orderId, customerId, items } = await shop.order();
  await placing.refused(orderId);
  const last = await placing.order(`${customerId}-placing`, items);
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
