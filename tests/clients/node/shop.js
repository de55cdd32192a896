// Orders of one new customer: placed, read back, refused, listed.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';

import { call } from './contracts.js';
import { refusalOf } from './refusal.js';

const PLACED = 5;
const euros = (cents) => ({ minorUnits: BigInt(cents), currencyCode: 'EUR' });

export class Shop {
  #commands;
  #queries;
  #customer = `customer-node-${randomUUID()}`;

  constructor(commands, queries) {
    this.#commands = commands;
    this.#queries = queries;
  }

  // Places orders and reads them back; returns the first one's request.
  async order() {
    let last;
    for (let number = 0; number < PLACED; number += 1) {
      const receipt = await this.#place(this.#request(number));
      await this.#readOwnWrite(this.#request(number), receipt);
      last = receipt.token;
    }
    await this.#refused();
    await this.#tooEarly(last);
    await this.#list(last);
    return this.#request(0);
  }

  // How many orders the list of all has, and up to which position of the log.
  async countOrders(last) {
    const answer = await call(this.#queries, 'ListOrders', { consistency: { atLeastToken: last }, pageSize: 1 });
    return { orders: answer.totalSize, asOf: answer.metadata.asOf.position };
  }

  #request(number) {
    const id = `${this.#customer}-${number}`;
    return {
      context: { commandId: `place-${id}` },
      orderId: `order-${id}`,
      customerId: this.#customer,
      items: [
        { productId: 'prod_001', productName: 'Laptop', quantity: 1n, price: euros(99999) },
        { productId: 'prod_002', productName: 'Mouse', quantity: BigInt(number + 1), price: euros(2500) },
      ],
      totalAmount: euros(99999 + 2500 * (number + 1)),
    };
  }

  // Sends the command twice: one effect, the same receipt.
  async #place(request) {
    const { receipt } = await call(this.#commands, 'CreateOrder', request);
    const again = await call(this.#commands, 'CreateOrder', request);
    assert.equal(receipt.replayed, false);
    assert.deepEqual(again.receipt, { ...receipt, replayed: true });
    assert.equal(receipt.version, 1n);
    return receipt;
  }

  async #readOwnWrite(placed, receipt) {
    const consistency = { atLeastToken: receipt.token };
    const { order } = await call(this.#queries, 'GetOrder', { consistency, orderId: receipt.aggregateId });
    assert.equal(order.orderId, placed.orderId);
    assert.equal(order.customer.customerId, this.#customer);
    assert.equal(order.status, 'ORDER_STATUS_PENDING');
    assert.deepEqual(order.items, placed.items);
    assert.deepEqual(order.totalAmount, placed.totalAmount);
    assert.equal(order.createPosition, receipt.token.position);
  }

  // Sends a malformed command, and one that the order's state does not allow.
  async #refused() {
    const malformed = { customerId: this.#customer, customerEmail: 'nobody' };
    assert.deepEqual(await refusalOf(call(this.#commands, 'CreateOrder', malformed)), {
      code: 'INVALID_ARGUMENT', domain: 'cqrs.common.v1', reason: 'INVALID_REQUEST', fields: ['customer_email', 'items'],
    });
    const early = { orderId: this.#request(0).orderId, trackingNumber: 'TRACK-1' };
    assert.deepEqual(await refusalOf(call(this.#commands, 'ShipOrder', early)), {
      code: 'FAILED_PRECONDITION', domain: 'cqrs.shop.v1', reason: 'ORDER_NOT_PROCESSING', fields: [],
    });
  }

  // Asks for a point that the log has not reached: UNAVAILABLE, after the attempts of the service config.
  async #tooEarly(last) {
    const consistency = { atLeastToken: { ...last, position: last.position + 1_000_000n }, maxWait: { seconds: 0n } };
    const { orderId } = this.#request(0);
    assert.deepEqual(await refusalOf(call(this.#queries, 'GetOrder', { consistency, orderId })), {
      code: 'UNAVAILABLE', domain: 'cqrs.common.v1', reason: 'NOT_CAUGHT_UP', fields: [],
    });
  }

  // Pages through the customer's orders: newest first, each once.
  async #list(last) {
    const found = [];
    const request = { consistency: { atLeastToken: last }, customerId: this.#customer, pageSize: 2 };
    do {
      const page = await call(this.#queries, 'ListCustomerOrders', request);
      assert.ok(page.orders.length >= 1 && page.orders.length <= 2);
      assert.equal(page.totalSize, BigInt(PLACED));
      found.push(...page.orders.map(({ orderId }) => orderId));
      request.pageToken = page.nextPageToken;
    } while (request.pageToken);
    const placed = Array.from({ length: PLACED }, (_, number) => this.#request(number).orderId);
    assert.deepEqual(found, placed.reverse());
  }
}
